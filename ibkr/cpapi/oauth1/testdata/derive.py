#!/usr/bin/env python3
"""Derives the test vectors of package oauth1 with Python's integers, hashlib and hmac, and with OpenSSL for RSA.

It shares no code with the package. It was written from IBKR's page "OAuth 1.0a Extended" and from what public
clients send. Run it in this folder; it prints vectors.json. The keys here were made for the tests alone.
"""
import base64, hashlib, hmac, json, subprocess
from urllib.parse import quote_plus

# RFC 3526, group 14
PRIME = ("FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
         "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
         "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F"
         "83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
         "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510"
         "15728E5A8AACAA68FFFFFFFFFFFFFFFF")
P = int(PRIME, 16)
CONSUMER, ACCESS = "TESTKEY01", "a1b2c3d4e5f6"
NONCE_BYTES, EXPONENT = bytes(range(16)), int.from_bytes(bytes(range(1, 33)), "big")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz234567"
NONCE = "".join(LETTERS[b % len(LETTERS)] for b in NONCE_BYTES)
NOW = "1780000000"
BASE = "https://api.ibkr.com/v1/api"


def openssl(*args, data):
    return subprocess.run(["openssl", *args], input=data, stdout=subprocess.PIPE, check=True).stdout


def base_string(method, url, params):
    return "&".join([method, quote_plus(url), quote_plus("&".join(f"{k}={v}" for k, v in sorted(params.items())))])


def header(params):
    return 'OAuth realm="limited_poa", ' + ", ".join(f'{k}="{v}"' for k, v in sorted(params.items()))


def params(method):
    return {"oauth_consumer_key": CONSUMER, "oauth_nonce": NONCE, "oauth_signature_method": method,
            "oauth_timestamp": NOW, "oauth_token": ACCESS}


def java_bytes(n):
    """The bytes of BigInteger.toByteArray: with room for a sign."""
    return n.to_bytes(n.bit_length() // 8 + 1, "big")


def token(shared, secret):
    return hmac.new(java_bytes(shared), secret, hashlib.sha1).digest()


secret = bytes.fromhex("00ff10" + "5a" * 29)
openssl("pkey", "-in", "encryption.pem", "-pubout", "-out", "/tmp/encryption.pub", data=b"")
try:
    old = json.load(open("vectors.json"))["access_token_secret"]  # the padding is random: keep the text that there is
    if openssl("pkeyutl", "-decrypt", "-inkey", "encryption.pem", data=base64.b64decode(old)) != secret:
        raise ValueError
    ciphertext = old
except (OSError, ValueError, KeyError):
    ciphertext = base64.b64encode(openssl("pkeyutl", "-encrypt", "-pubin", "-inkey", "/tmp/encryption.pub", data=secret)).decode()

challenge = params("RSA-SHA256") | {"diffie_hellman_challenge": f"{pow(2, EXPONENT, P):x}"}
text = secret.hex() + base_string("POST", BASE + "/oauth/live_session_token", challenge)
signature = base64.b64encode(openssl("dgst", "-sha256", "-sign", "signature.pem", data=text.encode())).decode()

exchanges = []
for high in (True, False):  # with and without the byte for the sign
    theirs = next(b for b in range(1000, 9999) if (pow(pow(2, b, P), EXPONENT, P).bit_length() % 8 == 0) == high)
    response = pow(2, theirs, P)
    key = token(pow(response, EXPONENT, P), secret)
    request = params("HMAC-SHA256")
    query = {"conids": "756733,320227571", "fields": "31,84", "text": "a b/ä"}
    sign = lambda m, u, q: quote_plus(base64.b64encode(hmac.new(key, base_string(m, u, request | q).encode(), hashlib.sha256).digest()).decode())
    exchanges.append({
        "high": high, "response": f"{response:x}", "token": key.hex(),
        "signature": hmac.new(key, CONSUMER.encode(), hashlib.sha1).hexdigest(),
        "get": header(request | {"oauth_signature": sign("GET", BASE + "/iserver/marketdata/snapshot", query)}),
        "post": header(request | {"oauth_signature": sign("POST", BASE + "/tickle", {})}),
    })

print(json.dumps({
    "prime": PRIME, "consumer": CONSUMER, "access_token": ACCESS, "access_token_secret": ciphertext, "now": int(NOW),
    "begin": header(challenge | {"oauth_signature": quote_plus(signature)}), "query": query, "exchanges": exchanges,
}, indent=1, ensure_ascii=False))
