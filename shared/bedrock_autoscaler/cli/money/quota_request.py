"""A request for more of a quota: which one, for how much, and what speaks for it."""

from collections.abc import Mapping
from dataclasses import dataclass

from bedrock_autoscaler.cli.money.quota_use import (
    all_quotas,
    binding_codes,
    evidence_of,
    require_home,
)
from bedrock_autoscaler.cli.output import CommandError
from bedrock_autoscaler.cli.stack import StackAccess
from bedrock_autoscaler.domain.economics.quotas import (
    AccountQuota,
    QuotaEvidence,
    QuotaMeasure,
    wanted_value,
)
from bedrock_autoscaler.domain.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A request for more, not sent."""

    target: str
    account: str
    region: str
    quota: AccountQuota
    value: float
    found: QuotaEvidence | None

    def text(self) -> str:
        """What a person pastes into a support case, and the API call."""
        quota = self.quota
        place = f"account {self.account}, {self.region}"
        applied, default = _told(quota.applied, "no applied value"), _told(quota.default, "unknown")
        lines = [
            f"Quota {quota.code}, {quota.name or quota.kind.subject}, {place}",
            f"In force: {applied}; default: {default}; asked for: {self.value:,.0f}",
            *self._evidence(),
        ]
        if not quota.is_adjustable:
            lines.append("AWS lists this quota as not adjustable; it may refuse the call.")
        command = (
            "aws service-quotas request-service-quota-increase --service-code bedrock"
            f" --quota-code {quota.code} --desired-value {self.value:.0f} --region {self.region}"
        )
        return "\n".join([*lines, "", "API call (not sent by this):", f"  {command}"])

    def _evidence(self) -> list[str]:
        found = self.found
        if found is None:
            return [f"Evidence: no call of {self.target} is on record."]
        tokens = [
            "  quota tokens a minute: unknown, since no burndown of output tokens is stated",
        ]
        if found.steady_tpm is not None and found.peak_tpm is not None:
            steady, peak = found.steady_tpm, found.peak_tpm
            tokens = [
                f"  quota tokens a minute: steady {steady:,.0f}, peak {peak:,.0f}",
                "  they are what was used; what max_tokens reserves at admission is not in them",
            ]
        return [
            f"Evidence of {found.days:.1f} days of {self.target}:",
            f"  requests a minute: steady {found.steady_rpm:,.0f}, peak {found.peak_rpm:,.0f}",
            *tokens,
            f"  tokens of a call: {found.input_tokens:,.0f} in, {found.output_tokens:,.0f} out",
            f"  throttled: {found.throttled_share:.2%} of calls, each retry counted",
        ]

    def plain(self) -> dict[str, object]:
        """For JSON; `call` has the members of RequestServiceQuotaIncrease."""
        found = self.found
        evidence = None if found is None else {n: getattr(found, n) for n in found.__slots__}
        return {
            "quota": self.quota.code,
            "name": self.quota.name,
            "applied": self.quota.applied,
            "default": self.quota.default,
            "adjustable": self.quota.is_adjustable,
            "evidence": evidence,
            "call": {
                "ServiceCode": "bedrock",
                "QuotaCode": self.quota.code,
                "DesiredValue": self.value,
            },
        }


def prepare(
    access: StackAccess,
    target: Target,
    code: str | None,
    value: float | None,
    *,
    burndown: float | None = None,
) -> Prepared:
    """A request for one quota of the target.

    Args:
        access: to the stack.
        target: that needs it.
        code: of the quota; None where one alone binds.
        value: to ask for; None: what the evidence speaks for.
        burndown: quota tokens of an output token, where the settings do not state them.

    Raises:
        CommandError: the target is not at home, the quota is not known or does not bind it, not
            one but several bind, or nothing speaks for a value.
    """
    require_home(access, target)
    quotas = {quota.code: quota for quota in all_quotas(access)}
    quota = _one(quotas, binding_codes(access, target, quotas), code, target.name)
    found = evidence_of(access, target, quota, burndown)
    # What a quota counts only its code tells, so that one known by name needs a person's figure.
    wanted = wanted_value(quota.kind, found, target.guard_rails.max_units)
    asked = value or (wanted if quota.is_known else None)
    if asked is None:
        raise CommandError(
            f"nothing speaks for a value of {quota.code}; give one with --value{_or(quota, found)}"
        )
    if quota.value is not None and asked <= quota.value:
        raise CommandError(
            f"{quota.code} is {quota.value:,.0f} already, which covers {asked:,.0f}; give more "
            "with --value"
        )
    return Prepared(
        target=target.name,
        account=target.account,
        region=target.region,
        quota=quota,
        value=asked,
        found=found,
    )


def _or(quota: AccountQuota, found: QuotaEvidence | None) -> str:
    """What would help besides a value."""
    is_tokens = quota.is_known and quota.kind.measure is QuotaMeasure.TOKENS_PER_MINUTE
    if found is None or found.peak_tpm is not None or not is_tokens:
        return ""
    return (
        ", or the burndown of output tokens, which no `quota` of the option states, with --burndown"
    )


def _one(
    quotas: Mapping[str, AccountQuota], bound: frozenset[str], code: str | None, target: str
) -> AccountQuota:
    """The quota that is meant.

    Raises:
        CommandError: see `prepare`.
    """
    binding = sorted(bound & quotas.keys())
    names = ", ".join(binding) or "none"
    if code is not None and code not in quotas:
        raise CommandError(
            f"--quota {code} is none of those that `quota list` shows, and binds nothing of "
            f"{target}; those that bind it: {names}"
        )
    wanted = binding if code is None else [code]
    if len(wanted) != 1:
        raise CommandError(f"name one quota with --quota; those that bind {target}: {names}")
    quota = quotas[wanted[0]]
    if quota.doubt:
        raise CommandError(f"{quota.code} is not relied upon: {quota.doubt}")
    if quota.is_known and quota.code not in bound:
        raise CommandError(
            f"{quota.code} counts {quota.kind.subject} ({quota.kind.family.value}), which {target} "
            f"does not use; those that bind it: {names}"
        )
    return quota


def _told(value: float | None, otherwise: str) -> str:
    return otherwise if value is None else f"{value:,.0f}"
