"""What Slack's answers mean: whether to try again, and whether anything else would get through."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from alerts.notify.attempts import Answer, broken, retry_after
from alerts.notify.message import Delivery

if TYPE_CHECKING:
    from collections.abc import Mapping

_CODE = re.compile(r"[a-z][a-z0-9_]{0,59}")
_LIMITED = {"ratelimited", "rate_limited", "message_limit_exceeded"}
# Slack says of the first two that a part of the call may have been done.
_PASSING = {"internal_error", "fatal_error", "service_unavailable", "request_timeout"}
_PASSING |= {"team_added_to_org"}
# Who we are, what we may, where to: every other message would be refused as well.
_OF_THE_RECEIVER = {
    "access_denied",
    "account_inactive",
    "action_prohibited",
    "as_user_not_supported",
    "channel_is_archived",
    "channel_not_found",
    "ekm_access_denied",
    "enterprise_is_restricted",
    "invalid_auth",
    "invalid_token",
    "is_archived",
    "missing_scope",
    "no_active_hooks",
    "no_permission",
    "no_service",
    "no_service_id",
    "no_team",
    "not_allowed_token_type",
    "not_authed",
    "not_in_channel",
    "org_login_required",
    "posting_to_general_channel_denied",
    "restricted_action",
    "restricted_action_read_only_channel",
    "restricted_action_thread_only_channel",
    "team_access_not_granted",
    "team_disabled",
    "team_not_found",
    "token_expired",
    "token_revoked",
    "two_factor_setup_required",
    "user_not_found",
}
# The message that is to be answered or edited is gone, or cannot be any more.
GONE = {
    "cannot_reply_to_message",
    "cant_update_message",
    "edit_window_closed",
    "message_not_found",
    "restricted_action_non_threadable_channel",
    "restricted_action_thread_locked",
    "thread_not_found",
}
_STATUS_OF_THE_RECEIVER = {301, 302, 303, 307, 308, 401, 403, 404, 405, 407, 410}


def refusal(status: int, code: str, headers: Mapping[str, Any]) -> Answer:
    """What an answer other than Slack's `ok` means; no text of it is passed on but a known form."""
    known = code if _CODE.fullmatch(code) else ""
    if status == 429 or known in _LIMITED:
        return Answer(Delivery("retryable", "rate limited", blocks=True), retry_after(headers))
    if status >= 500:
        return broken(f"HTTP {status}")
    if known in _PASSING:
        return broken(known)
    if status == 200 and not known:
        return broken("HTTP 200 without Slack's answer: is something in between?")
    blocks = known in _OF_THE_RECEIVER if known else status in _STATUS_OF_THE_RECEIVER
    return Answer(Delivery("refused", known or f"HTTP {status}", blocks=blocks))
