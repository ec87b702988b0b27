from openai import OpenAI

from guard import last_decision, wrap

client = wrap(OpenAI(), country="CN")
answer = client.chat.completions.create(
    model="gpt-4o-mini",
    messages=[{"role": "user", "content": "Is a wall clock a nice gift for my host?"}],
)
print(answer.choices[0].message.content)
print(last_decision().action, [norm.id for norm in last_decision().norms])
