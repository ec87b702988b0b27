from openai import OpenAI

client = OpenAI(base_url="http://127.0.0.1:8017/v1")
first = client.responses.create(
    model="gpt-4o-mini",
    input=[
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "What is this? I fly to Shanghai on Monday."},
                {"type": "input_image", "image_url": "https://shop.example/wall-clock.jpg", "detail": "auto"},
            ],
        }
    ],
)
# The picture of the first turn still counts, though the second request only names it.
with client.responses.stream(
    model="gpt-4o-mini", input="Shall I take it to my host as a present?", previous_response_id=first.id
) as stream:
    for event in stream:
        if event.type == "response.output_text.delta":
            print(event.delta, end="")
print()
