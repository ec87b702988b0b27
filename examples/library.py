from pathlib import Path

from guard import Exchange, Guard, Hints, Image

guard = Guard()
decision = guard.check("Is a wall clock a nice gift for my host in Shanghai?")
print(decision.action, [norm.id for norm in decision.norms])

# With a picture, and what is known besides.
picture = Image(data=Path("photo.jpg").read_bytes(), name="wall-clock.jpg")
exchange = Exchange.of("Which of these for my host?", images=[picture], hints=Hints(country="CN"))
print(guard.check(exchange).guidance)

# Or a whole request: api="chat", "responses" or "messages".
request, decision = guard.apply({"model": "m", "input": "A wall clock for Shanghai?"}, api="responses")
print(request.get("instructions"))
