from anthropic import Anthropic

client = Anthropic(base_url="http://127.0.0.1:8017")  # the client adds /v1 itself
with client.messages.stream(
    model="claude-sonnet-4-5",
    max_tokens=500,
    system=[{"type": "text", "text": "You are a travel guide.", "cache_control": {"type": "ephemeral"}}],
    messages=[{"role": "user", "content": "Is a wall clock a nice gift for my host in Shanghai?"}],
) as stream:
    for text in stream.text_stream:
        print(text, end="")
print()
print(stream.response.headers["x-normguard-action"])
