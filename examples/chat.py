from openai import OpenAI

client = OpenAI(base_url="http://127.0.0.1:8017/v1")
answer = client.chat.completions.with_raw_response.create(
    model="gpt-4o-mini",
    messages=[
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "My colleague in Shanghai has a new baby. Is this a good present?"},
                {"type": "image_url", "image_url": {"url": "https://shop.example/wall-clock.jpg"}},
            ],
        }
    ],
    extra_body={"normguard": {"country": "CN", "captions": ["a wall clock"]}},  # optional
)
print(answer.headers["x-normguard-action"], answer.headers["x-normguard-norms"])
print(answer.parse().choices[0].message.content)
