"""
Lines with and without secrets, made up from a seed: many kinds of secrets, each in many surroundings, and harmless lines that look alike.

Nothing here is a token as a whole: every secret is put together at run time.
"""

from __future__ import annotations

import base64
import html
import json
import random
import string
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

LOWER, UPPER, DIGITS = string.ascii_lowercase, string.ascii_uppercase, string.digits
ALNUM = LOWER + UPPER + DIGITS
HEX = "0123456789abcdef"
WORD = ALNUM + "_-"
Make = Callable[[random.Random], str]


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line and the secret in it; none in a harmless one."""

    kind: str
    context: str
    text: str
    secret: str = ""
    azure: bool = False


def some(rng: random.Random, letters: str, length: int) -> str:
    """Random characters, at least one of them a digit if there are digits to choose from."""
    found = [rng.choice(letters) for _ in range(length)]
    digits = [letter for letter in letters if letter.isdigit()]
    if digits and length > 8:
        found[rng.randrange(4, length - 1)] = rng.choice(digits)
    return "".join(found)


def _b64(rng: random.Random, size: int) -> str:
    return base64.b64encode(rng.randbytes(size)).decode()


def _marked(rng: random.Random, before: int, mark: str, after: int, end: str, letters: str = ALNUM) -> str:
    return some(rng, letters, before) + mark + some(rng, letters, after) + end


def _jwt(rng: random.Random) -> str:
    parts = [
        json.dumps({"alg": "RS256", "typ": "JWT", "kid": some(rng, ALNUM, 8)}),
        json.dumps({"sub": some(rng, ALNUM, 12), "exp": 1790000000}),
    ]
    encoded = [base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, base64.urlsafe_b64encode(rng.randbytes(64)).decode().rstrip("=")])


def _sig(rng: random.Random) -> str:
    return quote(_b64(rng, 32), safe="")


def password(rng: random.Random) -> str:
    """What people and generators choose."""
    kind = rng.randrange(6)
    if kind == 0:
        return rng.choice(("Winter", "Summer", "Contoso", "Monkey", "Dragon")) + str(rng.randrange(1950, 2030)) + rng.choice("!#$%*")
    if kind == 1:
        return some(rng, ALNUM + "!#$%*+-_.~", rng.randrange(12, 25))
    if kind == 2:
        return some(rng, ALNUM, rng.randrange(10, 21))
    if kind == 3:
        return rng.choice(("hunter", "correct", "tiger", "swordfish", "letmein")) + rng.choice("-_.") + some(rng, ALNUM, 6)
    if kind == 4:
        return "P@" + some(rng, ALNUM, 8) + "^" + some(rng, DIGITS, 2)
    return some(rng, LOWER, 9) + some(rng, DIGITS, 3)


# Known by themselves: anywhere in a line.
ALONE: dict[str, tuple[Make, bool]] = {
    "storage key": (lambda r: _b64(r, 64), True),
    "storage key, new": (lambda r: some(r, ALNUM + "+/", 76) + "+ASt" + some(r, ALNUM, 5) + r.choice("AQgw") + "==", True),
    "cosmos key": (lambda r: some(r, ALNUM + "+/", 76) + "ACDb" + some(r, ALNUM, 5) + r.choice("AQgw") + "==", True),
    "service bus key": (lambda r: _b64(r, 32), True),
    "service bus key, new": (lambda r: some(r, ALNUM + "+/", 33) + "+ASb" + r.choice("ABCDEFGHIJKLMNOP") + some(r, ALNUM, 5) + "=", True),
    "event hubs key, new": (lambda r: some(r, ALNUM + "+/", 33) + "+AEh" + r.choice("ABCDEFGHIJKLMNOP") + some(r, ALNUM, 5) + "=", True),
    "functions key": (lambda r: some(r, WORD, 44) + "Az" + "Fu" + some(r, WORD, 5) + r.choice("AQgw") + "==", True),
    "search key": (lambda r: some(r, ALNUM, 42) + "Az" + "Se" + r.choice("ABCD") + some(r, ALNUM, 5), True),
    "registry password": (lambda r: some(r, ALNUM, 42) + "+A" + "CR" + r.choice("ABCD") + some(r, ALNUM, 5), True),
    "annotated key": (
        lambda r: some(r, ALNUM, 52) + "JQ" + "QJ99" + "BBAC" + some(r, ALNUM, 20) + "ACO" + "G" + some(r, ALNUM, 4)[:4], True),
    "entra secret": (lambda r: some(r, ALNUM, 3) + r.choice("78") + "Q" + "~" + some(r, ALNUM + "_.-~", 34), True),
    "devops pat": (lambda r: some(r, ALNUM, 76) + "AZ" + "DO" + some(r, ALNUM, 4), True),
    "devops pat, old": (lambda r: some(r, LOWER + "234567", 52), True),
    "databricks": (lambda r: "da" + "pi" + some(r, HEX, 32), True),
    "databricks, numbered": (lambda r: "da" + "pi" + some(r, HEX, 32) + "-2", True),
    "jwt": (_jwt, False),
    "github": (lambda r: "gh" + r.choice("pousr") + "_" + some(r, ALNUM, 36), False),
    "github, fine": (lambda r: "github" + "_pat_" + some(r, ALNUM, 22) + "_" + some(r, ALNUM, 59), False),
    "gitlab": (lambda r: "gl" + "pat-" + some(r, WORD, 20), False),
    "slack": (
        lambda r: "xo" + r.choice(("xb", "xp")) + "-" + some(r, DIGITS, 11) + "-" + some(r, DIGITS, 12) + "-" + some(r, ALNUM, 24), False),
    "slack hook": (lambda r: "T" + some(r, UPPER + DIGITS, 8) + "/B" + some(r, UPPER + DIGITS, 8) + "/" + some(r, ALNUM, 24), False),
    "stripe": (lambda r: r.choice("sr") + "k_" + r.choice(("live", "test")) + "_" + some(r, ALNUM, 24), False),
    "aws id": (lambda r: "AK" + "IA" + some(r, UPPER + "234567", 16), False),
    "google": (lambda r: "AI" + "za" + some(r, WORD, 35), False),
    "google oauth": (lambda r: "GOC" + "SPX-" + some(r, WORD, 28), False),
    "npm": (lambda r: "np" + "m_" + some(r, ALNUM, 36), False),
    "pypi": (lambda r: "py" + "pi-AgEIcHlwaS5vcmc" + some(r, WORD, 70), False),
    "openai": (lambda r: "s" + "k-proj-" + some(r, WORD, 74), False),
    "openai, old": (lambda r: "s" + "k-" + some(r, ALNUM, 48), False),
    "anthropic": (lambda r: "s" + "k-ant-api03-" + some(r, WORD, 93) + "AA", False),
    "sendgrid": (lambda r: "S" + "G." + some(r, WORD, 22) + "." + some(r, WORD, 43), False),
    "twilio": (lambda r: "S" + "K" + some(r, HEX, 32), False),
    "hugging face": (lambda r: "h" + "f_" + some(r, ALNUM, 34), False),
    "digitalocean": (lambda r: "do" + "p_v1_" + some(r, HEX, 64), False),
    "telegram": (lambda r: str(r.randrange(10**8, 10**10)) + ":A" + "A" + some(r, WORD, 33), False),
    "vault": (lambda r: "hv" + "s." + some(r, WORD, 90), False),
    "shopify": (lambda r: "shp" + "at_" + some(r, HEX, 32), False),
    "grafana": (lambda r: "gl" + "sa_" + some(r, ALNUM, 32) + "_" + some(r, HEX, 8), False),
    "docker": (lambda r: "dckr" + "_pat_" + some(r, WORD, 27), False),
    "mailgun": (lambda r: "ke" + "y-" + some(r, HEX, 32), False),
}  # fmt: skip
AROUND: dict[str, str] = {
    "nothing": "{s}",
    "log line": "2026-11-22T10:00:03Z ERROR loader: request with {s} was refused",
    "end of a sentence": "the credential in use was {s}.",
    "quoted": "could not sign in with '{s}'",
    "argument": "client.connect(url, '{s}', timeout=30)",
    "double quoted": 'value "{s}" is not accepted',
    "csv": "4711,ada,{s},2026-11-22",
    "parenthesis": "retry 3 of 5 ({s})",
    "tab": "name\t{s}\tused",
    "env": "export SOME_SETTING={s}",
    "json": '{{"setting": "{s}", "n": 1}}',
    "yaml": "setting: {s}  # from the portal",
    "python repr": "{{'value': '{s}', 'n': 1}}",
    "traceback": "ValueError: cannot parse {s}",
    "escaped json": '{{\\"setting\\": \\"{s}\\"}}',
    "escaped line": "first line\\n{s}\\nlast line",
    "html": "<td>{s}</td>",
    "url": "GET /api/items?from=1&value={s}&to=2 HTTP/1.1",
}
# Known by what stands around.
WITH_KEY: dict[str, str] = {
    "env": "export DB_PASSWORD={s}",
    "env, plain": "API_TOKEN={s}",
    "dotenv": 'CLIENT_SECRET="{s}"',
    "ini": "password = {s}",
    "yaml": "  password: {s}",
    "yaml, quoted": "  client_secret: '{s}'",
    "json": '{{"user": "loader", "password": "{s}", "retries": 3}}',
    "json, no spaces": '{{"user":"loader","apiSecret":"{s}"}}',
    "escaped json": 'body: "{{\\"password\\": \\"{s}\\", \\"n\\": 1}}"',
    "python repr": "{{'user': 'loader', 'password': '{s}'}}",
    "python keyword": "connect(host='db', user='loader', password='{s}')",
    "dataclass": "Login(username='loader', password='{s}', port=5432)",
    "command": "loader --host db --password {s} --verbose",
    "command, equals": "loader --client-secret={s} run",
    "argv": "['loader', '--password', '{s}']",
    "powershell": "Connect-Thing -Password '{s}' -Verbose",
    "xml": "<add><Password>{s}</Password></add>",
    "xml attribute": '<login user="loader" password="{s}" />',
    "app setting": '{{"name": "DB_PASSWORD", "value": "{s}"}}',
    "sentence": "login of 'loader' with password '{s}' failed",
    "sentence, colon": "the new password is: {s}",
    "log fields": "user=loader password={s} host=db",
    "colon in a log": "signing in, password: {s}, host: db",
    "tuple": "('password', '{s}')",
    "arrow": "'password' => '{s}',",
    "camel case": 'dbPassword="{s}"',
    "properties": "spring.datasource.password={s}",
    "toml": 'secret_key = "{s}"',
    "sql": "CREATE LOGIN loader WITH PASSWORD = '{s}'",
    "html escaped": "{{&quot;password&quot;: &quot;{s}&quot;}}",
    "url encoded": "body=user%3Dloader%26password%3D{s}",
    "query": "POST /login?user=loader&password={s}",
    "yaml block": "password: >-\n  {s}\nuser: loader",
    "form": "user=loader&client_secret={s}&grant_type=client_credentials",
}
CONNECTIONS: dict[str, tuple[str, Make, bool]] = {
    "storage": ("DefaultEndpointsProtocol=https;AccountName=shop;AccountKey={s};EndpointSuffix=core.windows.net",
        lambda r: _b64(r, 64), True),
    "storage, last": ("AccountName=shop;AccountKey={s}", lambda r: _b64(r, 64), True),
    "storage with a signature": ("BlobEndpoint=https://shop.blob.core.windows.net/;SharedAccessSignature=sv=2024-11-04&ss=b&sp=r&sig={s}",
        _sig, True),
    "service bus": ("Endpoint=sb://shop.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey={s};EntityPath=q",
        lambda r: _b64(r, 32), True),
    "event hubs": ("Endpoint=sb://shop.servicebus.windows.net/;SharedAccessKeyName=send;SharedAccessKey={s}", lambda r: _b64(r, 32), True),
    "iot hub": ("HostName=shop.azure-devices.net;DeviceId=d1;SharedAccessKey={s}", lambda r: _b64(r, 32), True),
    "cosmos": ("AccountEndpoint=https://shop.documents.azure.com:443/;AccountKey={s};", lambda r: _b64(r, 64), True),
    "redis": ("shop.redis.cache.windows.net:6380,password={s},ssl=True,abortConnect=False", lambda r: _b64(r, 32), True),
    "sql": ("Server=tcp:shop.database.windows.net,1433;Initial Catalog=db;User ID=loader;Password={s};Encrypt=True", password, True),
    "odbc": ("Driver={{ODBC Driver 18 for SQL Server}};Server=db;Uid=loader;Pwd={s};Encrypt=yes", password, True),
    "odbc, braces": ("Driver={{ODBC Driver 18 for SQL Server}};Server=db;Uid=loader;PWD={{{s}}};Encrypt=yes", password, True),
    "jdbc": ("jdbc:sqlserver://shop.database.windows.net:1433;database=db;user=loader;password={s};encrypt=true", password, True),
    "jdbc postgres": ("jdbc:postgresql://db.example.com/shop?user=loader&password={s}&ssl=true", password, False),
    "insights": ("InstrumentationKey={s};IngestionEndpoint=https://westeurope-1.in.applicationinsights.azure.com/",
        lambda r: str(uuid.UUID(int=r.getrandbits(128))), True),
    "sas url": ("https://shop.blob.core.windows.net/landing/a.csv?sp=r&st=2026-11-22T10:00:00Z&sv=2024-11-04&sr=b&sig={s}", _sig, True),
    "sas url, then more": ("GET https://shop.dfs.core.windows.net/landing?sig={s}&sv=2024-11-04&resource=filesystem 403", _sig, True),
    "sas in json": ('{{"url": "https://shop.blob.core.windows.net/c/b?sv=2024-11-04\\u0026sig={s}\\u0026se=2026"}}', _sig, True),
    "sas in html": ('<a href="https://shop.blob.core.windows.net/c/b?sv=2024-11-04&amp;sig={s}&amp;se=2026">', _sig, True),
    "sas encoded": ("next=https%3A%2F%2Fshop.blob.core.windows.net%2Fc%3Fsv%3D2024-11-04%26sig%3D{s}",
        lambda r: quote(_sig(r), safe=""), True),
    "sas not encoded": ("sv=2024-11-04&ss=bfqt&srt=sco&sp=rwdlacx&sig={s}", lambda r: _b64(r, 32), True),
    "bus token": ("SharedAccessSignature sr=sb%3A%2F%2Fshop.servicebus.windows.net%2Fq&sig={s}&se=1790000000&skn=Root", _sig, True),
    "function url": ("https://shop.azurewebsites.net/api/runs?code={s}", lambda r: some(r, WORD, 54) + "==", True),
    "function header": ("x-functions-key: {s}", lambda r: some(r, ALNUM, 54) + "==", True),
    "logic app": ("https://prod-12.westeurope.logic.azure.com/workflows/0a1b/triggers/manual/run?api-version=2016&sp=x&sig={s}",
        lambda r: some(r, WORD, 43), True),
    "api management": ("Ocp-Apim-Subscription-Key: {s}", lambda r: some(r, HEX, 32), True),
    "cognitive": ('headers = {{"api-key": "{s}"}}', lambda r: some(r, HEX, 32), True),
    "account key": ("az storage blob list --account-name shop --account-key {s} -c landing", lambda r: _b64(r, 64), True),
    "service principal": ("az login --service-principal -u 7c1e -p {s} --tenant t", lambda r: some(r, ALNUM + "~._-", 34), True),
    "client secret": ("AZURE_CLIENT_SECRET={s}", lambda r: some(r, ALNUM + "~._-", 34), True),
    "fs.azure": ("spark.hadoop.fs.azure.account.key.shop.dfs.core.windows.net {s}", lambda r: _b64(r, 64), True),
    "publish profile": ('<publishProfile userName="$shop" userPWD="{s}" />', lambda r: some(r, ALNUM, 60), True),
    "shared key header": ("Authorization: SharedKey shop:{s}", lambda r: _b64(r, 32), True),
    "postgres": ("postgresql://loader:{s}@db.example.com:5432/shop?sslmode=require", lambda r: quote(password(r), safe=""), False),
    "sqlalchemy": ("mssql+pyodbc://loader:{s}@db/shop?driver=ODBC+Driver+18", lambda r: quote(password(r), safe=""), False),
    "mongo": ("mongodb+srv://loader:{s}@cluster0.example.mongodb.net/test", lambda r: quote(password(r), safe=""), False),
    "amqp": ("amqps://loader:{s}@bus.example.com:5671//", lambda r: some(r, ALNUM, 16), False),
    "redis url": ("rediss://:{s}@cache.example.com:6380/0", lambda r: some(r, ALNUM, 24), False),
    "git": ("fatal: could not read from 'https://x-access-token:{s}@github.com/shop/pipelines.git'", lambda r: some(r, ALNUM, 30), False),
    "git, token only": ("cloning https://{s}@dev.azure.com/shop/_git/pipelines", lambda r: some(r, LOWER + "234567", 52), False),
    "bearer": ("Authorization: Bearer {s}", lambda r: some(r, WORD + ".", 60), False),
    "bearer in curl": ("curl -H 'Authorization: Bearer {s}' https://api.example.com", lambda r: some(r, ALNUM, 40), False),
    "bearer in a dict": ("{{'Authorization': 'Bearer {s}', 'Accept': '*/*'}}", lambda r: some(r, ALNUM, 40), False),
    "bearer alone": ("sending bearer {s} to the api", lambda r: some(r, ALNUM, 40), False),
    "basic": ("Authorization: Basic {s}", lambda r: base64.b64encode(f"loader:{password(r)}".encode()).decode(), False),
    "basic alone": ("proxy needs Basic {s}", lambda r: base64.b64encode(f"loader:{password(r)}".encode()).decode(), False),
    "basic in curl": ("curl -u loader:{s} https://api.example.com", lambda r: some(r, ALNUM, 14), False),
    "token header": ("Authorization: Token {s}", lambda r: some(r, HEX, 40), False),
    "raw header": ('"Authorization": "{s}"', lambda r: some(r, ALNUM, 36), False),
    "api key header": ("X-Api-Key: {s}", lambda r: some(r, ALNUM, 32), False),
    "cookie": ("Cookie: theme=dark; session={s}", lambda r: some(r, ALNUM, 32), False),
    "set-cookie": ("Set-Cookie: sid={s}; HttpOnly; Secure", lambda r: some(r, ALNUM, 32), False),
    "session": ("JSESSIONID={s}", lambda r: some(r, UPPER + DIGITS, 32), False),
    "aws secret": ("aws_secret_access_key = {s}", lambda r: some(r, ALNUM + "+/", 40), False),
    "aws secret, json": ('{{"SecretAccessKey": "{s}", "Expiration": "2026-11-22"}}', lambda r: some(r, ALNUM + "+/", 40), False),
    "presigned": ("https://b.s3.amazonaws.com/k?X-Amz-Date=20261122T100000Z&X-Amz-Signature={s}&X-Amz-SignedHeaders=host",
        lambda r: some(r, HEX, 64), False),
    "datadog": ("DD_API_KEY={s}", lambda r: some(r, HEX, 32), False),
    "refresh token": ('{{"refresh_token": "{s}", "expires_in": 3599}}', lambda r: some(r, WORD + ".", 90), False),
    "access token in a URL": ("https://api.example.com/v1/items?access_token={s}&page=2", lambda r: some(r, WORD, 40), False),
    "private key": ("-----BEGIN " + "PRIVATE KEY-----\n{s}\n-----END " + "PRIVATE KEY-----", lambda r: _b64(r, 48), False),
    "private key, escaped": ('{{"private_key": "-----BEGIN RSA ' + 'PRIVATE KEY-----\\n{s}\\n-----END RSA ' + 'PRIVATE KEY-----\\n"}}',
        lambda r: _b64(r, 48), False),
    "private key, cut off": ("-----BEGIN EC " + "PRIVATE KEY-----\n{s}", lambda r: _b64(r, 48), False),
    "snowflake": ("snowflake://loader:{s}@account/db/schema?warehouse=wh", lambda r: some(r, ALNUM, 18), False),
    "teams": ("https://shop.webhook.office.com/webhookb2/{s}",
        lambda r: f"{uuid.UUID(int=r.getrandbits(128))}@{uuid.UUID(int=r.getrandbits(128))}"
        f"/IncomingWebhook/{some(r, HEX, 32)}", False),
    "telegram url": ("https://api.telegram.org/bot{s}/sendMessage",
        lambda r: f"{r.randrange(10**9, 10**10)}:A" + "A" + some(r, WORD, 33), False),
    "mysql": ("mysql -h db -u loader -p{s} shop", lambda r: some(r, ALNUM, 14), False),
    "pgpassword": ("PGPASSWORD={s} psql -h db -U loader", password, False),
}  # fmt: skip


def secrets(seed: int, rounds: int) -> Iterator[Line]:
    """Lines with one secret each."""
    rng = random.Random(seed)
    for _ in range(rounds):
        for kind, (make, azure) in ALONE.items():
            for context, around in AROUND.items():
                secret = make(rng)
                whole = "posting to https://hooks.slack.com/services/{s} failed" if kind == "slack hook" else around
                yield Line(kind=kind, context=context, text=_within(whole, secret, context), secret=_shown(secret, context), azure=azure)
        for context, around in WITH_KEY.items():
            for _ in range(6):
                secret = password(rng)
                yield Line(kind="password", context=context, text=_within(around, secret, context), secret=_shown(secret, context))
        for kind, (around, make, azure) in CONNECTIONS.items():
            for context in ("nothing", "log line", "traceback"):
                secret = make(rng)
                line = AROUND[context].format(s=around.format(s=secret))
                yield Line(kind=kind, context=context, text=line, secret=secret, azure=azure)


def _shown(secret: str, context: str) -> str:
    if context in {"url", "url encoded", "query", "form"}:
        return quote(secret, safe="")
    if context in {"html", "html escaped", "xml", "xml attribute"}:
        return html.escape(secret)
    return secret


def _within(around: str, secret: str, context: str) -> str:
    return around.format(s=_shown(secret, context))


def kept_in(line: str, secret: str) -> bool:
    """Whether a secret, or a good part of it, can still be read."""
    size = max(6, min(len(secret), 2 * len(secret) // 3))
    return any(secret[start : start + size] in line for start in range(len(secret) - size + 1))
