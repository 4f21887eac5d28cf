"""Harmless lines that look as if they held a secret: ids, digests, names of files, code, messages about secrets."""

from __future__ import annotations

import base64
import random
import uuid
from collections.abc import Callable, Iterator

from tests.redaction.corpus import ALNUM, HEX, LOWER, UPPER, Line, some

Fill = Callable[[random.Random], str]


def _uuid(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def _b64(size: int) -> Fill:
    return lambda rng: base64.b64encode(rng.randbytes(size)).decode()


def _hex(length: int) -> Fill:
    return lambda rng: some(rng, HEX, length)


IDS: dict[str, Fill] = {
    "commit {}": _hex(40),
    "commit {} (HEAD -> main, origin/main)": _hex(40),
    "merged {} into main": _hex(7),
    "git+https://github.com/shop/pipelines.git@{}": _hex(40),
    "run {} succeeded": _hex(32),
    "run_id={} pipeline=orders node=raw": _hex(32),
    '{{"run_id": "{}", "status": "succeeded"}}': _hex(32),
    "runs/{}/outcome/raw.json": _hex(40),
    "correlation id {}": _uuid,
    "x-ms-request-id: {}": _uuid,
    "x-ms-client-request-id: {}": _uuid,
    "tenant_id: {}": _uuid,
    "client_id={}": _uuid,
    "AZURE_CLIENT_ID={}": _uuid,
    "/subscriptions/{}/resourceGroups/rg-shop/providers/Microsoft.Storage/storageAccounts/shop": _uuid,
    "/subscriptions/{}/resourceGroups/rg-shop/providers/Microsoft.KeyVault/vaults/kv-shop/secrets/storage-key": _uuid,
    "https://kv-shop.vault.azure.net/secrets/storage-key/{}": _hex(32),
    'etag: "0x8D{}"': lambda r: some(r, UPPER[:6] + "0123456789", 12),
    "ETag: {}": _b64(16),
    "part-00000-{}-c000.snappy.parquet": _uuid,
    '{{"add":{{"path":"part-00001-{}-c000.zstd.parquet","size":1823,"dataChange":true}}}}': _uuid,
    "_delta_log/0000000000000000{}.json": lambda r: f"{r.randrange(1000):04}",
    "data:image/png;base64,iVBORw0KGgo{}": _b64(180),
    '<img src="data:image/gif;base64,R0lGODlh{}">': _b64(90),
    "background: url(data:font/woff2;base64,d09GMg{})": _b64(300),
    "sha256:{}": _hex(64),
    "sha256 of data.csv is {}": _hex(64),
    "checksum (sha-256): {}": _b64(32),
    "sha256-{}": _b64(32),
    '"integrity": "sha512-{}"': _b64(64),
    "--hash=sha256:{} \\": _hex(64),
    "Content-MD5: {}": _b64(16),
    "content_hash={}": _hex(64),
    '"row_hash": "{}"': _b64(32),
    "x-ms-content-crc64: {}": _b64(8),
    "md5 {} matches": _hex(32),
    "docker.io/library/python@sha256:{}": _hex(64),
    "config_fingerprint: {}": _hex(64),
    "schema_hash={} uri=lake/silver/orders": _hex(64),
    "file hash {}": _b64(32),
    "thumbprint {}": _hex(40),
    "fingerprint SHA256:{}": lambda r: base64.b64encode(r.randbytes(32)).decode().rstrip("="),
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{} loader@host": lambda r: some(r, ALNUM, 43),
    "-----BEGIN CERTIFICATE-----\nMIID{}\n-----END CERTIFICATE-----": lambda r: some(r, ALNUM, 60),
    "-----BEGIN PUBLIC KEY-----\nMIIB{}\n-----END PUBLIC KEY-----": lambda r: some(r, ALNUM, 60),
    "span 4bf92f3577b34da6 of trace {}": _hex(32),
    "traceparent: 00-{}-00f067aa0ba902b7-01": _hex(32),
    "colour #{} on #ffffff": _hex(6),
    "style {{ color: #{}; }}": _hex(6),
    "offset {} of topic orders": lambda r: str(r.randrange(10**9)),
    "application_{}_0001": lambda r: str(r.randrange(10**12, 10**13)),
    "job-{}-run-00012": lambda r: str(r.randrange(10**6)),
    "memory address 0x7f{}": _hex(10),
    "<object at 0x7f{}>": _hex(10),
    "order {} of customer 4711": lambda r: f"ORD-{r.randrange(10**6):06}",
    "IBAN hint for column {}": lambda r: some(r, LOWER, 8),
    "2026-11-22T10:00:03.{}Z INFO run started": lambda r: f"{r.randrange(1000):03}",
    "lake/bronze/orders/_change_data/cdc-{}.parquet": _uuid,
    "blob landing/orders/{}.csv (1.2 MB) arrived": lambda r: some(r, LOWER + "0123456789", 24),
    "https://shop.blob.core.windows.net/landing/orders/{}.csv": _uuid,
    "abfss://lake@shop.dfs.core.windows.net/silver/{}": lambda r: some(r, LOWER, 10),
    "GET https://shop.dfs.core.windows.net/lake?resource=filesystem&directory={}": lambda r: some(r, LOWER, 10),
    "s3://bucket/prefix/{}/file.parquet": _hex(32),
    "message {} was completed": _hex(32),
    "lock token {} expired": _uuid,
    "session id {} of the queue": _uuid,
    "worker host-{}/4711": _hex(12),
    "idempotency key {} was seen before": _uuid,
    "cache key orders:{}": _hex(64),
    "base32 name bafybeig{}": lambda r: some(r, LOWER + "234567", 51),
    "eyJ is how {} begins": lambda r: some(r, LOWER, 6),
    "{{'digest': b'\\x00\\x{}\\xff'}}": _hex(2),
    "numbers {} and more": lambda r: ", ".join(str(r.random()) for _ in range(5)),
    "point ({}, 47.37688)": lambda r: f"{r.random() * 10:.5f}",
    "uuid5 {} of url": _uuid,
    "nonce={} accepted": _b64(16),
    "license SPDX-{}": lambda r: some(r, UPPER, 6),
    "parquet page header {} bytes": lambda r: str(r.randrange(10**6)),
    "partition order_date=2026-11-22/part-{}.parquet": _hex(32),
    "primary_key={}": lambda r: str(r.randrange(10**6)),
    "customer_key: {}": lambda r: str(r.randrange(10**9)),
    "surrogate key {} for member": _hex(64),
    "build {} of branch main": lambda r: f"2026112{r.randrange(10)}.{r.randrange(30)}",
}
MESSAGES = """\
password must have at least 12 characters
Password is required
password: required
password is incorrect for user 'loader'
the password for user loader has expired
wrong password given
invalid password supplied for 'loader'
password authentication failed for user "postgres"
Login failed for user 'loader'. Reason: Password did not match that for the login provided.
reset your password at https://login.example.com/reset
password_policy: strong
password_min_length=12
passwordless: true
password: ${DB_PASSWORD}
password: "${DB_PASSWORD}"
password: "{{ vault_db_password }}"
password = os.environ["DB_PASSWORD"]
password=os.getenv("DB_PASSWORD")
password = settings.db_password
    password=password,
    password=self._password,
    client = Client(token=token, password=password)
def connect(host: str, password: str, token: str | None = None) -> Connection:
def login(user: str, password: SecretStr) -> None:
    raise ValueError("password must not be empty")
password=***
password=****** token=******
Password=<your password>;
Password={your_password};Encrypt=yes
password: [REDACTED]
"password": null
"password": ""
"password": "********"
password: !secret db_password
password_file: /run/secrets/db
PWD=/srv/loader/pipelines
OLDPWD=/srv/loader
pwd: /srv/shop
tests: pass=12 fail=0 skip=3
12 passed, 1 failed in 3.4s
passed: true
bypass=true
compass: north
the secret of a good pipeline is a small node
secret_name: storage-key
secret: ${secret:storage-key}
secret 'storage-key' is not set
reading secret 'storage-key' failed: HTTP 403
secretName: loader-credentials
secretKeyRef: { name: loader, key: connection }
secrets: inherit
secret_scope=shop
key_vault_name: kv-shop
key_vault: kv-shop
auth: { mode: key_vault, key_vault_name: kv-shop, secret_name: storage-key }
auth: {mode: aad_msi}
auth_mode: key_vault
authentication: ActiveDirectoryMsi
Authentication=ActiveDirectoryManagedIdentity;Encrypt=yes
author: Ada Lovelace
authorized: true
Authorization header is missing
401 Unauthorized: the bearer token is missing or expired
the bearer of this message
WWW-Authenticate: Bearer realm="example", error="invalid_token"
WWW-Authenticate: Basic realm="shop"
basic authentication is disabled
Basic usage: odibi run odibi.yaml
token_count=512
max_tokens: 4096
"total_tokens": 1834
"prompt_tokens": 211, "completion_tokens": 77
token_type: Bearer
"token_type": "Bearer", "expires_in": 3599
tokenizer: bert-base-uncased
tokens: 12
token expired 3 minutes ago
token is invalid or has expired
the token endpoint returned 400
refresh token rotation is enabled
unexpected token 'SELECT' at line 3, column 7
Unexpected token } in JSON at position 42
invalid token: ';'
ParseError: Expecting ). Line 1, Col: 14.
tokens = line.split(",")
token = next(tokens)
token = get_token(scope)
credential = DefaultAzureCredential()
credentials: include
credential=credential,
ManagedIdentityCredential.get_token failed: no identity endpoint
EnvironmentCredential: Environment variables are not fully configured
primary_key: [order_id]
primary_key=order_id
keys: [order_id, line]
options: { keys: [order_id] }
key: order_id
key=value
sort_key: ordered_at
partition_key=2026-11-22
PartitionKey: orders
foreign_key: customer_id
natural_key: customer_number
surrogate_key: customer_sk
business_key=(country, number)
hash_key: order_hash
join_key=order_id
key 'silver/orders' lags behind its data until the next run
KeyError: 'order_id'
KeyError: 'password'
KeyboardInterrupt
api_version: 2024-11-04
api_key_header: X-Api-Key
header_name: X-Api-Key
{"default":"Authorization","minLength":1,"type":"string"}
headers: ["Authorization", "Accept", "Content-Type"]
api_key is missing: set SHOP_API_KEY
account_name: shop
AccountName=shop;EndpointSuffix=core.windows.net
SharedAccessKeyName=RootManageSharedAccessKey
Endpoint=sb://shop.servicebus.windows.net/;Authentication=Managed Identity
DefaultEndpointsProtocol=https;AccountName=shop;AccountKey=<key>;EndpointSuffix=core.windows.net
ServiceBusConnection__fullyQualifiedNamespace=shop.servicebus.windows.net
AzureWebJobsStorage__accountName=shop
connection: lake
connection_string: ${STORAGE}
connection_timeout=30
connection string is not valid: it starts with Endpoint=sb://
@Microsoft.KeyVault(SecretUri=https://kv-shop.vault.azure.net/secrets/storage-key/)
DB_PASSWORD=@Microsoft.KeyVault(VaultName=kv-shop;SecretName=db-password)
HTTP error code=403, sign=5, design=x
https://login.example.com/callback?state=ready&code=403
status_code=200 reason=OK
exit code=70
signature: (frame, params) -> frame
signature does not match
signal=SIGTERM sig=15
SELECT token, code FROM t WHERE sig = 1
SELECT password_hash IS NOT NULL AS has_password FROM users
SELECT order_id, email, quantity FROM bronze
ALTER TABLE users ADD COLUMN password VARCHAR(255)
columns: [user, password, token]
['user', 'password', 'email']
("password", "token")
{'order_id': 1, 'status': 'paid', 'price': Decimal('10.50')}
DataFrame(shape=(3, 2), columns=['order_id', 'api_key'])
sensitive: [email, password]
column 'password' is sensitive and masked
masked columns: password, token
privacy: { method: hash, salt: "${SALT}" }
salt: ${PRIVACY_SALT}
cookie_consent: accepted
cookies are disabled
Cookie banner was shown
http://localhost:8080/a@b
http://localhost:7071/api/health
https://user@example.com/path
git@github.com:shop/pipelines.git
ssh://git@github.com/shop/pipelines.git
postgresql://loader@db.example.com:5432/shop
postgresql://loader:${DB_PASSWORD}@db.example.com/shop
postgresql://loader:***@db.example.com/shop
https://example.com/search?q=password+reset
see https://docs.example.com/secrets#rotation for the rotation of keys
mailto:ada@example.com?subject=token
jdbc:sqlserver://db:1433;database=shop;authentication=ActiveDirectoryMSI
sqlite:///C:/data/shop.db
amqp://bus.example.com:5672/vhost
ratio 16:9, time 12:30:45, window 3:1
File "/app/odibi_core/redaction.py", line 12, in text
  File "/usr/lib/python3.11/site-packages/azure/identity/_credentials/default.py", line 219, in get_token
    token = self._request_token(*scopes, **kwargs)
    within_dac.set(False)
    raise ClientAuthenticationError(message=message)
azure.core.exceptions.ClientAuthenticationError: DefaultAzureCredential failed to retrieve a token from the included credentials.
azure.core.exceptions.ResourceNotFoundError: The specified blob does not exist.
ValueError: invalid literal for int() with base 10: 'abc'
polars.exceptions.ColumnNotFoundError: "order_id" not found
deltalake.exceptions.CommitFailedError: Transaction failed: a conflicting commit was made
TypeError: connect() missing 1 required positional argument: 'password'
TypeError: unexpected keyword argument 'api_key'
AttributeError: 'NoneType' object has no attribute 'token'
node 'silver' failed: column 'secret_level' is missing
check 'not_null' found 12 rows that break it
run of 'orders' started
node 'raw' succeeded
12 rows of 'orders' were written to lake/silver in 3.4 s
report 'story' failed and stays in the outbox
the high-water mark 'orders/raw' lags behind its data until the next run
watermark moved from 2026-11-21T00:00:00 to 2026-11-22T00:00:00
the lease on flush/catalog.json was lost
ODIBI_KEY_VAULT=kv-shop
ODIBI_ENV=prod
PYTHONPATH=/srv/app/.python_packages/lib/site-packages
WEBSITE_INSTANCE_ID=4f2a
FUNCTIONS_WORKER_RUNTIME=python
Content-Type: application/json; charset=utf-8
Accept: application/vnd.github+json
Host: shop.blob.core.windows.net
User-Agent: azsdk-python-storage-blob/12.31.0 Python/3.11.7 (Linux-6.1-x86_64)
x-ms-version: 2024-11-04
x-ms-blob-type: BlockBlob
Retry-After: 10
Azure Storage needs an account key, a SAS or an identity
sas: ${LANDING_SAS}
sas_token: "${LANDING_SAS}"
the SAS expires in 3 days
set key_vault_name and secret_name, or use the managed identity
grant the role Key Vault Secrets User to the identity
skip_if_unchanged compares the hash of all rows
explode_list_column: { column: tags }
generate_surrogate_key: { columns: [country, number], output: customer_key }
deduplicate: { keys: [order_id], order_by: [ordered_at] }
merge_keys=order_id,line_number
join: { with: customers, on: customer_key }
- function: filter_rows
  params: { condition: "status = 'paid'" }
validation: { tests: [{ type: not_null, columns: [api_key] }] }
write: { connection: lake, format: delta, path: silver/orders, mode: upsert }
privacy.columns.email.method: hmac
"subject": "/blobServices/default/containers/landing/blobs/orders/2026-11-22.csv"
"eventType": "Microsoft.Storage.BlobCreated", "dataVersion": "", "metadataVersion": "1"
"sequencer": "00000000000000000000000000005D3F0000000000000a5c"
"contentLength": 1823, "blobType": "BlockBlob"
{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}
{"txn":{"appId":"odibi/table","version":3,"lastUpdated":1790000000000}}
{"commitInfo":{"timestamp":1790000000000,"operation":"WRITE","engineInfo":"delta-rs:1.6.6"}}
numRecords":1000,"minValues":{"order_id":1},"maxValues":{"order_id":1000}
Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor
the quick brown fox jumps over the lazy dog 0123456789
€ 10.50, ünïcode, 中文, emoji 🎉
+41 44 668 18 00
192.168.10.12 - - [22/Nov/2026:10:00:03 +0000] "GET /api/health HTTP/1.1" 200 57
10.0.0.4:52344 -> 10.0.0.5:443 TLSv1.3
2026-11-22 10:00:03,412 INFO azure.core.pipeline.policies.http_logging_policy: Response status: 201
cron: 0 */5 * * * *
schedule "0 30 2 * * *" is due
numpy-2.1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl
polars==2.1.0
requires-python = ">=3.11"
sk-learn is not scikit-learn
dapi is short for data api
the pattern AKIA stands for access keys
ghp is a prefix
npm_config_cache=/tmp/npm
hf_hub_download(repo_id, filename)
pypi-mirror.example.com
AIza is how keys of Google begin
xoxb tokens are for bots
glpat is the prefix of GitLab
""".splitlines()


def harmless(seed: int, rounds: int) -> Iterator[Line]:
    """Lines without a secret."""
    rng = random.Random(seed)
    for _ in range(rounds):
        for around, fill in IDS.items():
            yield Line(kind="id", context=around, text=around.format(fill(rng)))
    for message in MESSAGES:
        yield Line(kind="message", context=message[:24], text=message)
