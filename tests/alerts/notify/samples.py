"""Messages as the runner would make them, and worse."""

from dataclasses import replace

from alerts.notify import Alert, Message, Parcel
from alerts.notify.message import Action, Kind

CANARY = "xoxb-canary-5e3f"
ROUTING_KEY = "canary0123456789abcdef0123456789"
CANARIES = (CANARY, ROUTING_KEY)

ALERT = Alert(
    title="ctr-floor {surface=home}",
    severity="page",
    summary="ctr 3.12 % < 4 % (clicks 312 / impressions 10,000)",
    fingerprint="f" * 64,
    facts=(
        ("severity", "page"),
        ("rule", "ctr-floor"),
        ("surface", "home"),
        ("value", "3.12 %"),
        ("threshold", "< 4 %"),
        ("since", "2025-03-02"),
        ("bucket", "2025-03-03"),
        ("impressions", "10,000"),
    ),
    description="Click-through rate of a surface below its minimum.",
    playbook="Compare CTR by variation.\nCheck the logging first.\n",
    command="recwatch check --rule ctr-floor --as-of 2025-03-04 --dry-run",
)
SINGLE = Message("PAGE: ctr-floor {surface=home}", "page", (ALERT,))

KINDS: tuple[Kind, ...] = ("firing", "repeated", "resolved", "restated", "unknown", "known")

# With everything an alert can hold.
FULL = replace(
    ALERT,
    playbook="Compare CTR by variation: https://wiki.example/ctr\nCheck the logging first.\n",
    episode=3,
    trend="▅▆▆▅▇▂▁ 3.12 % to 4.61 %",
    why=(
        "surface=home: rate −0.9 points, mix 0.0",
        "device=mobile: rate −0.4 points, mix +0.1",
        "everything else: −0.1 points",
    ),
    notes=("holds back: zscore-ctr (2 series)", "late data: told a day after it began"),
)

HOSTILE = Message(
    "WARN: r {surface=<!channel> & `x`}",
    "warn",
    (
        Alert(
            title="r",
            severity="warn",
            summary="<https://evil.example|x> <@U1> <!here> `code` a\u202eb \x00 \x1b[31m &amp;",
            fingerprint="0" * 64,
            facts=(("surface", "<!channel>\n*bold*"), ("`name`", "\u200b`x`")),
            playbook="Call <!everyone>, see <https://evil.example>.",
            command="recwatch check --rule '`<x>`'",
        ),
    ),
)


def many(count: int) -> Message:
    alerts = tuple(
        Alert(f"rule-{i} {{surface=s{i}}}", "warn", f"ctr {i} % < 4 %", f"{i:064d}")
        for i in range(count)
    )
    headline = f"WARN: {count} alerts fire"
    return Message(headline, "warn", alerts, "recwatch check --dry-run")


def parcel(message: Message, action: Action = "post", thread: str = "", key: str = "k-1") -> Parcel:
    return Parcel(key, message, action, thread)
