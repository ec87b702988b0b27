import json
import urllib.request

asked = {
    "api": "messages",
    "request": {"messages": [{"role": "user", "content": "Is a wall clock a nice gift for my host?"}]},
    "normguard": {"country": "CN"},
}
call = urllib.request.Request(
    "http://127.0.0.1:8017/normguard/apply",
    json.dumps(asked).encode(),
    {"content-type": "application/json"},
)
told = json.load(urllib.request.urlopen(call))
print(told["decision"]["action"], told["request"]["system"])
