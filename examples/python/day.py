"""Trades a day in one account of a service, with Python's standard library alone.

    python3 examples/python/day.py http://127.0.0.1:8080 Balanced-50K SPY

$ACCOUNTS_TOKEN is the token of a service that wants one.
"""
import json, os, sys, urllib.error, urllib.request, uuid

BASE, NAME, SYMBOL = sys.argv[1:4]
TOKEN = os.environ.get("ACCOUNTS_TOKEN")
CALLER = {"Authorization": "Bearer " + TOKEN} if TOKEN else {}


def send(method, path, body=None, **headers):
    """Returns the status and the answer, or the problem, of a call."""
    headers |= CALLER | {"Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(BASE + path, data, headers, method=method), timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as problem:
        return problem.code, json.load(problem)


def place(quantity, key):
    instrument = {"sec_type": "STK", "symbol": SYMBOL, "currency": "USD"}
    return send("POST", account + "/orders", {"instrument": instrument, "quantity": quantity, "type": "market"}, **{"Idempotency-Key": key})


def trade(quantity, key):
    """Places an order, and waits until the book has all of its fills. An event is a hint to look."""
    hints = urllib.request.Request(f"{BASE}/api/v1/events?kind=recorded&profile={profile['id']}", headers=CALLER)
    with urllib.request.urlopen(hints, timeout=30) as stream:  # opened before the order leaves
        status, placed = place(quantity, key)
        assert status == 201, placed
        for line in stream:
            fills = [t["value"] for t in send("GET", account + "/trades?limit=100")[1]["trades"] if t["value"].get("order_id") == placed["order_id"]]
            if line.startswith(b"data:") and sum(float(f["quantity"]) for f in fills) == float(quantity):
                return placed["order_id"], [f["price"] for f in fills]
    sys.exit("the stream ended before the order filled")


profile = next(p for p in send("GET", "/api/v1/profiles?limit=100")[1]["profiles"] if p["name"] == NAME)
account, run = "/api/v1/profiles/" + profile["id"], str(uuid.uuid4())
order, prices = trade("2", run + "-buy")
again = place("2", run + "-buy")[1]  # as after an answer that was lost
refused = place("1000000", run + "-large")
send("POST", account + "/halt", {"reason": "the client's day"})
halted = place("1", run + "-halted")
send("POST", account + "/resume", {"reason": "the client's day goes on"})
sold, _ = trade("-2", run + "-sell")
closings = send("GET", account + "/closings?limit=100")[1]["closings"]
rules = lambda answer: {"status": answer[0], "rules": [v["rule"] for v in answer[1]["decision"]["violations"]]}
print(json.dumps({"bought": order, "prices": prices, "again": again, "refused": rules(refused), "halted": rules(halted), "sold": sold,
                  "realized": [c["value"]["realized"] for c in closings if c["value"]["trade"].get("order_id") == sold]}, indent=2))
