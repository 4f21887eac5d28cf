"""Tokens that say whose they are by how they begin: one line for each kind."""

from __future__ import annotations

import re

from odibi_core.redaction.rules import Rule

_HEX = "[0-9a-f]"
_ALNUM = "[A-Za-z0-9]"
_WORD = "[A-Za-z0-9_-]"
_AFTER_WORDS = re.compile(r"(?:[^A-Za-z0-9]|\\[nrt]|%[0-9A-Fa-f]{2}|[0-9;]m|^)$")

# Whose; beginnings; what follows, in which a `{least}` is open upwards so that nothing of a longer token is left.
# The beginnings are those that the vendors publish for secret scanners.
_TABLE: tuple[tuple[str, str, str], ...] = (
    ("GitHub", "ghp_ gho_ ghu_ ghs_ ghr_", f"{_ALNUM}{{30,}}"),
    ("GitHub", "github_pat_", "[A-Za-z0-9_]{30,}"),
    ("GitLab", "glpat- gldt- glrt- glrtr- glcbt- glptt- glft- glimt- glagent- gloas- glsoat- glffct- glwt-", "[A-Za-z0-9_.-]{18,}"),
    ("GitLab", "GR1348941", f"{_WORD}{{18,}}"),
    ("Bitbucket, Atlassian", "ATATT3 ATCTT3 ATBB", "[A-Za-z0-9_=-]{20,}"),
    ("Slack", "xoxb- xoxa- xoxp- xoxr- xoxs- xoxo- xoxe- xoxc- xoxd- xoxe. xapp-", "[A-Za-z0-9%.-]{8,}"),
    ("Stripe", "sk_live_ sk_test_ rk_live_ rk_test_ pk_live_ sk_prod_ rk_prod_ whsec_", "[A-Za-z0-9+/=_]{10,}"),
    ("AWS", "AKIA ASIA ABIA ACCA AIDA AROA", "[A-Z2-7]{12,}"),
    ("AWS", "FwoGZXIvYXdz IQoJb3JpZ2lu FQoGZXIvYXdz FQoDYXdz", "[A-Za-z0-9+/=]{20,}"),
    ("AWS Bedrock", "ABSK bedrock-api-key-", "[A-Za-z0-9+/=]{100,}"),
    ("Alibaba", "LTAI", f"{_ALNUM}{{12,}}"),
    ("Google", "AIza", f"{_WORD}{{30,}}"),
    ("Google", "GOCSPX- ya29.", "[A-Za-z0-9_.-]{20,}"),
    ("Google", "1//0", f"{_WORD}{{30,}}"),
    ("npm", "npm_", f"{_ALNUM}{{30,}}"),
    ("PyPI", "pypi-AgE", f"{_WORD}{{20,}}"),
    ("RubyGems, NuGet, crates", "rubygems_ oy2 cio", "[a-z0-9A-Z]{32,}"),
    ("Anthropic, OpenRouter, DeepSeek, OpenAI", "sk-ant- sk-proj- sk-svcacct- sk-admin- sk-or-v1- sk-None-", f"{_WORD}{{16,}}"),
    ("OpenAI", "sk- sess- sk_", f"{_ALNUM}{{32,}}"),
    ("Hugging Face", "hf_ api_org_", "[A-Za-z0-9]{30,}"),
    ("Replicate, Groq, Perplexity, xAI, Fireworks", "r8_ gsk_ pplx- xai- fw_ tvly-", "[A-Za-z0-9_-]{20,}"),
    ("Databricks", "dapi dkea dose dosa", f"{_HEX}{{32,}}(?:-\\d)?"),
    ("SendGrid", "SG.", "[A-Za-z0-9_-]{16,}\\.[A-Za-z0-9_-]{16,}"),
    ("Twilio", "SK AC", f"{_HEX}{{32}}"),
    ("Mailgun", "key-", f"{_HEX}{{32}}"),
    ("Brevo", "xkeysib- xsmtpsib-", "[a-z0-9]{60,}(?:-[A-Za-z0-9]{16})?"),
    ("Postmark, Resend, Loops", "re_", "[A-Za-z0-9]{8,}_[A-Za-z0-9]{20,}"),
    ("DigitalOcean", "dop_v1_ doo_v1_ dor_v1_", f"{_HEX}{{60,}}"),
    ("Shopify", "shpat_ shpss_ shpca_ shppa_ shptka_", "[A-Fa-f0-9]{32,}"),
    ("Square", "sq0atp- sq0csp- sq0idp- EAAAE EAAAl", f"{_WORD}{{20,}}"),
    ("Braintree", "access_token$production$ access_token$sandbox$", "[A-Za-z0-9$]{20,}"),
    ("Facebook", "EAACEdEose0cBA EAAG EAAB", "[A-Za-z0-9]{20,}"),
    ("HashiCorp", "hvs. hvb. hvr. s.CAES", f"{_WORD}{{20,}}"),
    ("Terraform", "tfe_ tfr_", f"{_WORD}{{30,}}"),
    ("Pulumi, Prefect, Doppler", "pul- pnu_ pnb_ dp.pt. dp.st. dp.ct. dp.sa.", "[A-Za-z0-9_.]{30,}"),
    ("Postman, Linear, Notion, Figma, Airtable", "PMAK- lin_api_ lin_oauth_ ntn_ secret_ figd_ figo_", f"{_WORD}{{32,}}"),
    ("Airtable", "pat", "[A-Za-z0-9]{14}\\.[0-9a-f]{60,}"),
    ("Grafana", "glsa_ glc_", "[A-Za-z0-9_+/=]{30,}"),
    ("New Relic", "NRAK- NRII- NRJS- NRIQ- NRRA- NRSP-", f"{_WORD}{{18,}}"),
    ("Sentry", "sntrys_ sntryu_", "[A-Za-z0-9_=+/]{40,}"),
    ("Datadog", "ddp_ ddapp_ ddpat_", f"{_ALNUM}{{30,}}"),
    ("Dynatrace", "dt0c01. dt0s01. dt0s02. dt0s16.", "[A-Z0-9]{20,}(?:\\.[A-Z0-9]{40,})?"),
    ("PlanetScale, Supabase, Neon", "pscale_tkn_ pscale_pw_ pscale_oauth_ sbp_ sb_secret_ sb_publishable_ napi_", "[A-Za-z0-9_.=-]{20,}"),
    ("Docker, JFrog", "dckr_pat_ dckr_oat_ AKCp cmVmdGtu", f"{_WORD}{{18,}}"),
    ("Fly, Vercel, Netlify, Railway, Render", "fo1_ FlyV1 fm1r_ fm2_ vcp_ nfp_ rnd_ vercel_blob_rw_", "[A-Za-z0-9_+/=-]{28,}"),
    ("Heroku", "HRKU-", f"{_WORD}{{30,}}"),
    ("Cloudflare", "v1.0-", f"{_HEX}{{20,}}-{_HEX}{{100,}}"),
    ("CircleCI, Buildkite, Travis", "CCIPAT_ CCIPRJ_ bkua_ bkaj_ bkar_", "[A-Za-z0-9_]{20,}"),
    ("Sonar, Snyk, Codecov", "squ_ sqp_ sqa_", f"{_HEX}{{30,}}"),
    ("Adafruit, Yandex, Contentful, Readme, Typeform, Dropbox", "aio_ AQVN CFPAT- rdme_ tfp_ sl. t1.9eu", "[A-Za-z0-9_.-]{24,}"),
    ("Sourcegraph", "sgp_", "[A-Za-z0-9_]{30,}"),
    ("Tailscale, ngrok", "tskey-", "[A-Za-z0-9_-]{12,}"),
    ("age", "AGE-SECRET-KEY-1", "[A-Z0-9]{20,}"),
    ("PKCS 8", "MIIEvQIBADANBgkqhkiG MIIEvgIBADANBgkqhkiG MIIFHDBOBgkqhkiG", "[A-Za-z0-9+/=]{16,}"),
    ("PKCS 8", "MIGHAgEAMBMGByqGSM49 MC4CAQAwBQYDK2VwBCIEI", "[A-Za-z0-9+/=]{16,}"),
    ("OpenSSH, PKCS 1", "b3BlbnNzaC1rZXktdjE MIIEpAIBAAKCAQEA MIIEowIBAAKCAQEA MIIJKAIBAAKCAgEA MHcCAQEEI", "[A-Za-z0-9+/=]{16,}"),
)  # fmt: skip


def _stands_alone(match: re.Match[str]) -> bool:
    """Whether a word begins here: a token in the middle of other data is a part of the data."""
    before = match.string[max(0, match.start() - 3) : match.start()]
    return _AFTER_WORDS.search(before) is not None and any(character.isdigit() for character in match[0][4:])


def _vendor(name: str, beginnings: str, rest: str) -> Rule:
    begins = beginnings.split(" ")
    body = re.sub(r"\{(\d+),\}", r"{\1,16384}+", rest)
    return Rule(
        name=f"token of {name}",
        signs=tuple(begin.lower() for begin in begins),
        pattern=f"(?:{'|'.join(map(re.escape, begins))})(?:{body})",
        really=_stands_alone,
    )


_OTHERS = (
    Rule(name="client secret of Entra", signs=("7q~", "8q~", "9q~"),
         pattern=r"(?:(?<![\w~.+/-])(?!(?<=\\)[nrt])|(?<=\\[nrt])|(?<=%3[DdAa]))[\w~.-]{3}[789]Q~[\w~.-]{30,64}+"),
    Rule(name="token of Telegram", signs=(":aa", "%3aaa"), pattern=r"(?<![0-9])[0-9]{8,10}(?::|%3[Aa])AA[A-Za-z0-9_-]{32,64}+"),
    Rule(name="token of Discord", signs=(".",), pattern=r"[MNO](?<![\w.-].)[A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,64}+"),
    Rule(name="address of a webhook", signs=("hooks.slack.com/", "webhook.office.com/", "/api/webhooks/", "hooks.zapier.com/", "make.com/"),
         pattern=r"(?:hooks\.slack\.com/(?:services|workflows|triggers)|webhook\.office\.com/webhookb2|discord(?:app)?\.com/api/webhooks"
         r"|hooks\.zapier\.com/hooks/catch|hook\.[\w.]{0,12}make\.com)/([^\s\"'<>\\)\]]{8,512}+)"),
    Rule(name="path of a Telegram bot", signs=("/bot",), pattern=r"/bot([0-9]{8,10}:[A-Za-z0-9_-]{30,64})"),
    Rule(name="key of Mailchimp", signs=("-us",), pattern=r"(?<![0-9a-zA-Z])[0-9a-f]{32}-us[0-9]{1,2}\b"),
    Rule(name="token of Terraform Cloud", signs=(".atlasv1.",), pattern=r"(?<!\w)[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{40,90}+"),
    Rule(name="session of a web server", signs=("jsessionid", "phpsessid", "asp.net_sessionid", "connect.sid", "laravel_session"),
         pattern=r"(?i:jsessionid|phpsessid|asp\.net_sessionid|connect\.sid|laravel_session)[\"']?[=:]\s?[\"']?([^\s;&\"'<>]{8,512}+)"),
    Rule(name="pair of Databricks", signs=("dsapi",), pattern=r"(?<![A-Za-z0-9])dsapi[0-9a-f]{32,64}+"),
)  # fmt: skip

VENDORS: tuple[Rule, ...] = (*(_vendor(*line) for line in _TABLE), *_OTHERS)
