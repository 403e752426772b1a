"""`doctor`, the stack as a whole: schedule, switch, documents, permissions, alarms."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bedrock_autoscaler.cli.doctor.checks import Check, State, guarded
from bedrock_autoscaler.cli.settings.validating import check_stored
from bedrock_autoscaler.cli.stack import StackAccess
from bedrock_autoscaler.domain.target import Mode
from bedrock_autoscaler.domain.units import MINUTE, floor_minute

_HEARTBEAT_MINUTES = 10
_SETTLING_MINUTES = 3
_SHOWN_ALARMS = 3


def stack_checks(access: StackAccess) -> Iterator[Check]:
    """Everything that concerns all targets."""
    yield from guarded("schedule", lambda: _schedule(access))
    yield from guarded("settings", lambda: _settings(access))
    yield from guarded("switch", lambda: _switch(access))
    yield from guarded(
        "permissions",
        lambda: _permissions(access),
        remedy="ask who may call iam:SimulatePrincipalPolicy and lambda:GetFunctionConfiguration "
        f"to run: bedrock-autoscaler doctor --stack {access.deployment}",
    )
    yield from guarded("alarms", lambda: _alarms(access))


def _schedule(access: StackAccess) -> Iterator[Check]:
    """Whether the routing loop ticks, by its heartbeat."""
    now = floor_minute(access.clock.now())
    reading = access.metrics.read([], now - _HEARTBEAT_MINUTES * MINUTE, now)
    beats = int(reading.read.sum())
    if access.place.parameters.get("SchedulesState") == "DISABLED":
        yield Check(
            about="schedule",
            state=State.YELLOW,
            message="SchedulesState is DISABLED: nothing is observed or decided, and what is held "
            "is billed on",
            remedy="sam deploy --parameter-overrides SchedulesState=ENABLED",
        )
    elif not beats:
        function = access.place.outputs.get("ObserveDecideFunctionName", "")
        yield Check(
            about="schedule",
            state=State.RED,
            message=f"no heartbeat in the last {_HEARTBEAT_MINUTES} minutes: no tick gets through",
            remedy=f"aws logs tail /aws/lambda/{function} --since 15m",
        )
    else:
        expected = _HEARTBEAT_MINUTES - _SETTLING_MINUTES
        yield Check(
            about="schedule",
            state=State.GREEN if beats >= expected else State.YELLOW,
            message=f"a heartbeat in {beats} of the last {_HEARTBEAT_MINUTES} minutes; the newest "
            "ones may still be missing in CloudWatch",
            remedy=""
            if beats >= expected
            else "look again in five minutes: bedrock-autoscaler doctor --stack "
            f"{access.deployment}",
        )


def _settings(access: StackAccess) -> Iterator[Check]:
    """Whether each document is in force as it is stored."""
    checked = check_stored(access, ())
    if not checked:
        yield Check(
            about="settings",
            state=State.YELLOW,
            message="there is no target",
            remedy=f"bedrock-autoscaler targets discover --stack {access.deployment}",
        )
    for one in checked:
        if one.problem is None:
            yield Check(about="settings", state=State.GREEN, message=f"{one.name} is valid")
            continue
        field = f"{one.problem.field}: " if one.problem.field else ""
        yield Check(
            about="settings",
            state=State.RED,
            message=f"{one.name}: {field}{one.problem.message}; in force: {one.in_force}",
            remedy=f"bedrock-autoscaler settings rollback {one.name} --stack {access.deployment}",
        )


def _switch(access: StackAccess) -> Iterator[Check]:
    """Whether anything may act at all."""
    value = access.switch
    acting = [one.name for one in access.settings().targets if one.mode is Mode.ACT]
    if value == "allow":
        yield Check(about="switch", state=State.GREEN, message="it says `allow`")
        return
    message = f"it is {value!r}" if value is not None else "it is not set"
    yield Check(
        about="switch",
        state=State.RED if acting else State.GREEN,
        message=f"{message}, so nothing acts"
        + (f", although {', '.join(acting)} should" if acting else ", as no target should yet"),
        remedy=f"bedrock-autoscaler start --stack {access.deployment}" if acting else "",
    )


def _alarms(access: StackAccess) -> Iterator[Check]:
    """Which of the stack's alarms are on."""
    pages = (
        access.client("cloudwatch")
        .get_paginator("describe_alarms")
        .paginate(AlarmNamePrefix=f"{access.deployment}-", StateValue="ALARM")
    )
    names = [alarm["AlarmName"] for page in pages for alarm in page["MetricAlarms"]]
    if not names:
        yield Check(about="alarms", state=State.GREEN, message="none of the stack's is on")
        return
    shown = ", ".join(names[:_SHOWN_ALARMS])
    more = len(names) - _SHOWN_ALARMS
    yield Check(
        about="alarms",
        state=State.YELLOW,
        message=f"on: {shown}{f' and {more} more' if more > 0 else ''}",
        remedy=f"aws cloudwatch describe-alarms --alarm-names {' '.join(names)}",
    )


# -- permissions -------------------------------------------------------------------------------


def _permissions(access: StackAccess) -> Iterator[Check]:
    """What the functions' roles may do, as IAM simulates it, boundaries and SCPs included."""
    iam, functions = access.client("iam"), access.client("lambda")
    for output, needs in _needs(access).items():
        name = access.place.outputs.get(output)
        if name is None:
            continue
        role = functions.get_function_configuration(FunctionName=name)["Role"]
        answers = [(need, *_simulated(iam, role, need)) for need in needs]
        if all(is_allowed for _, is_allowed, _ in answers):
            yield Check(
                about="permissions",
                state=State.GREEN,
                message=f"{name} may do what was simulated, {len(needs)} of {len(needs)}",
            )
        for need, is_allowed, missing in answers:
            if not is_allowed and need["context"] and access.place.clock_endpoint:
                yield _untold(name, need)
            elif not is_allowed:
                yield _denied(name, role, need, missing)


def _untold(name: str, need: Mapping[str, Any]) -> Check:
    """A stack with a clock of its own stands on an emulator, whose IAM knows no conditions."""
    return Check(
        about="permissions",
        state=State.YELLOW,
        message=f"whether {name} may {need['action']} cannot be told here: the statement has a "
        "condition, and this local AWS knows none",
        remedy="bedrock-autoscaler doctor, in an account of AWS",
    )


def _denied(name: str, role: str, need: Mapping[str, Any], missing: Sequence[str]) -> Check:
    """A refusal; one that may come of a condition's key that was not given is no proof."""
    unknown = f", but was not told {', '.join(missing)}" if missing else ""
    return Check(
        about="permissions",
        state=State.YELLOW if missing else State.RED,
        message=f"{name} may not {need['action']} on {need['resource']}"
        f"{f', says the simulation{unknown}' if missing else ''}",
        remedy=f"aws iam simulate-principal-policy --policy-source-arn {role} --action-names "
        f"{need['action']} --resource-arns {need['resource']!r}{_context(need)} (a service control "
        "policy or a permissions boundary forbids it, or the stack is older than these commands: "
        "sam deploy)",
    )


def _context(need: Mapping[str, Any]) -> str:
    """What the request would carry: without it a condition's key is missing, and all is denied."""
    entries = [
        f"ContextKeyName={entry['ContextKeyName']},"
        f"ContextKeyValues={','.join(entry['ContextKeyValues'])},"
        f"ContextKeyType={entry['ContextKeyType']}"
        for entry in _entries(need)
    ]
    return " --context-entries " + " ".join(f"'{entry}'" for entry in entries) if entries else ""


def _entries(need: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "ContextKeyName": key,
            "ContextKeyValues": list(values),
            "ContextKeyType": "stringList" if len(values) > 1 else "string",
        }
        for key, values in need["context"].items()
    ]


def _simulated(
    iam: Any,  # noqa: ANN401 - no stub of IAM is installed
    role: str,
    need: Mapping[str, Any],
) -> tuple[bool, list[str]]:
    """Whether the role may, and which keys of conditions the simulation lacked."""
    answer = iam.simulate_principal_policy(
        PolicySourceArn=role,
        ActionNames=[need["action"]],
        ResourceArns=[need["resource"]],
        ContextEntries=_entries(need),
    )
    results = answer["EvaluationResults"]
    missing = {key for one in results for key in one.get("MissingContextValues", ())}
    return all(one["EvalDecision"] == "allowed" for one in results), sorted(missing)


def _needs(access: StackAccess) -> dict[str, list[dict[str, Any]]]:
    """By the output that names a function: what it cannot do its work without."""
    place = access.place
    region = {"aws:RequestedRegion": [place.region]}
    own = f"arn:aws:bedrock:{place.region}:{place.account}:provisioned-model/000000000000"
    ssm = f"arn:aws:ssm:{place.region}:{place.account}:parameter{place.prefix}"
    table = f"arn:aws:dynamodb:{place.region}:{place.account}:table/{place.ledger}"
    tags = {
        "aws:RequestTag/bedrock-autoscaler:deployment": [place.name],
        "aws:TagKeys": [
            "bedrock-autoscaler:decision",
            "bedrock-autoscaler:deployment",
            "bedrock-autoscaler:target",
        ],
    }
    tagged = {"aws:ResourceTag/bedrock-autoscaler:deployment": [place.name]}
    return {
        "ObserveDecideFunctionName": [
            _need("cloudwatch:GetMetricData", "*", region),
            _need("cloudwatch:ListMetrics", "*", region),
            _need(
                "cloudwatch:PutMetricData",
                "*",
                region | {"cloudwatch:namespace": ["BedrockAutoscaler"]},
            ),
            _need("bedrock:ListProvisionedModelThroughputs", "*", region),
            _need("ssm:GetParametersByPath", f"{ssm}/settings", {}),
            _need("dynamodb:PutItem", table, {"dynamodb:LeadingKeys": ["TARGET#chat"]}),
        ],
        "PurchaseFunctionName": [
            _need("ssm:GetParameter", f"{ssm}/switch", {}),
            _need("dynamodb:UpdateItem", table, {}),
            *(
                _need("bedrock:CreateProvisionedModelThroughput", arn.rstrip("*"), tags)
                for arn in _models(place.purchasable)
            ),
        ],
        "ReleaseFunctionName": [
            _need("bedrock:DeleteProvisionedModelThroughput", own, tagged),
            _need("bedrock:GetProvisionedModelThroughput", own, {}),
            _need("cloudwatch:GetMetricData", "*", region),
        ],
        "PublishFunctionName": [_need("ssm:PutParameter", f"{ssm}/routes/chat", {})],
    }


def _need(action: str, resource: str, context: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    return {"action": action, "resource": resource, "context": context}


def _models(purchasable: Sequence[str]) -> Sequence[str]:
    """The ARNs without their pattern's end; IAM simulates on single resources."""
    return [arn.rstrip("*") for arn in purchasable]
