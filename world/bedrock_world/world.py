"""The Bedrock world: all parts around one clock, in this process, without a socket."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from threading import RLock
from typing import Any

from bedrock_world.addressing import Addresses
from bedrock_world.billing import Bill, Billing
from bedrock_world.clock import VirtualClock
from bedrock_world.control_plane import ControlPlane
from bedrock_world.deployments import Deployments
from bedrock_world.endpoints import Endpoints
from bedrock_world.errors import BedrockError, ConnectionDroppedError
from bedrock_world.faults import Fault, FaultPlan, When
from bedrock_world.idempotency import TokenMemory
from bedrock_world.inference import Inference
from bedrock_world.jobs import Jobs
from bedrock_world.metrics import NAMESPACE, Recorder, Traffic
from bedrock_world.models import Models
from bedrock_world.naming import Names
from bedrock_world.profiles import Profiles
from bedrock_world.purchases import Purchases
from bedrock_world.quotas import Quotas
from bedrock_world.runtime import Call, MinuteOffer, MinuteResult, Outcome, Runtime
from bedrock_world.settings import Config, WorldSettings
from bedrock_world.sinks import MetricSink
from bedrock_world.tagging import Tags

Handler = Callable[[Mapping[str, Any]], dict[str, Any]]


class World:
    """A fake of Amazon Bedrock in one account and Region.

    Deterministic: the same settings and the same calls at the same virtual instants give the
    same answers and the same metrics. Safe to use from several threads.
    """

    def __init__(
        self, settings: WorldSettings | None = None, sinks: Sequence[MetricSink] = ()
    ) -> None:
        self.config = Config(settings or WorldSettings())
        self.clock = VirtualClock(self.config.current.start)
        self.faults = FaultPlan()
        self.sinks: list[MetricSink] = list(sinks)
        self.lock = RLock()
        config, clock = self.config, self.clock
        names, tokens = Names(config), TokenMemory(config)
        self._tags = Tags(config, clock)
        self._models = Models(config, clock, names)
        self.purchases = Purchases(config, clock, names)
        self._control = ControlPlane(
            config,
            clock,
            models=self._models,
            purchases=self.purchases,
            tags=self._tags,
            tokens=tokens,
        )
        self._profiles = Profiles(
            config, clock, models=self._models, names=names, tags=self._tags, tokens=tokens
        )
        self._deployments = Deployments(
            config, clock, models=self._models, names=names, tags=self._tags, tokens=tokens
        )
        self._endpoints = Endpoints(config, clock, tokens)
        self._quotas = Quotas(config)
        self._recorder = Recorder(config)
        addresses = Addresses(
            config,
            models=self._models,
            profiles=self._profiles,
            purchases=self.purchases,
            deployments=self._deployments,
            endpoints=self._endpoints,
            quotas=self._quotas,
        )
        self.runtime = Runtime(config, clock, addresses, self._recorder)
        self.inference = Inference(config, addresses, self.runtime)
        self.jobs = Jobs(
            config,
            clock,
            addresses=addresses,
            inference=self.inference,
            names=names,
            tags=self._tags,
            tokens=tokens,
        )
        self._billing = Billing(config, self.purchases.all)
        self._handlers = self._table()
        clock.subscribe(self._publish)

    def _table(self) -> dict[str, Handler]:
        return {
            "CreateCustomModelDeployment": self._deployments.create_custom_model_deployment,
            "CreateModelInvocationJob": self.jobs.create_model_invocation_job,
            "DeleteCustomModelDeployment": self._deployments.delete_custom_model_deployment,
            "GetCustomModelDeployment": self._deployments.get_custom_model_deployment,
            "GetImportedModel": self._models.get_imported_model,
            "GetMarketplaceModelEndpoint": self._endpoints.get_marketplace_model_endpoint,
            "GetModelInvocationJob": self.jobs.get_model_invocation_job,
            "UpdateMarketplaceModelEndpoint": self._endpoints.update_marketplace_model_endpoint,
            "CreateInferenceProfile": self._profiles.create_inference_profile,
            "CreateProvisionedModelThroughput": self._control.create_provisioned_model_throughput,
            "DeleteInferenceProfile": self._profiles.delete_inference_profile,
            "DeleteProvisionedModelThroughput": self._control.delete_provisioned_model_throughput,
            "GetFoundationModel": self._models.get_foundation_model,
            "GetInferenceProfile": self._profiles.get_inference_profile,
            "GetProvisionedModelThroughput": self._control.get_provisioned_model_throughput,
            "ListFoundationModels": self._models.list_foundation_models,
            "ListModelInvocationJobs": self.jobs.list_model_invocation_jobs,
            "ListInferenceProfiles": self._profiles.list_inference_profiles,
            "ListProvisionedModelThroughputs": self._control.list_provisioned_model_throughputs,
            "ListTagsForResource": self._tags.list_tags_for_resource,
            "TagResource": self._tags.tag_resource,
            "UntagResource": self._tags.untag_resource,
            "UpdateProvisionedModelThroughput": self._control.update_provisioned_model_throughput,
            "Converse": self.inference.converse,
            "ConverseStream": self.inference.converse_stream,
            "InvokeModel": self.inference.invoke_model,
            "InvokeModelWithResponseStream": self.inference.invoke_model_with_response_stream,
            "GetAWSDefaultServiceQuota": self._quotas.get_aws_default_service_quota,
            "GetServiceQuota": self._quotas.get_service_quota,
            "ListAWSDefaultServiceQuotas": self._quotas.list_aws_default_service_quotas,
            "ListServiceQuotas": self._quotas.list_service_quotas,
        }

    def call(
        self, operation: str, params: Mapping[str, Any], fault: Fault | None = None
    ) -> dict[str, Any]:
        """Answer one operation, whose parameters must keep the service model, under a fault.

        Raises:
            BedrockError: the modelled refusal.
            ConnectionDroppedError: the fault leaves the caller without an answer.
        """
        when = fault.when if fault else None
        if fault and when is When.BEFORE:
            raise BedrockError(fault.code, fault.message)
        if when is When.DROP_BEFORE:
            raise ConnectionDroppedError(operation)
        with self.lock:
            answer = self._handlers[operation](params)
        if fault and when is When.AFTER:
            raise BedrockError(fault.code, fault.message)
        if when is When.DROP_AFTER:
            raise ConnectionDroppedError(operation)
        return answer

    def advance(self, by: timedelta) -> datetime:
        """Move the clock forward; metrics whose lag is over go to the sinks."""
        return self.clock.advance(by)

    def advance_to(self, instant: datetime) -> datetime:
        """Move the clock forward to an instant."""
        return self.clock.set(instant)

    def _publish(self, now: datetime) -> None:
        with self.lock:
            data = self._recorder.publish(now)
        # Outside the lock: a sink may take its time over HTTP.
        for sink in self.sinks if data else ():
            sink.put(NAMESPACE, data)

    def reconfigure(self, **changes: object) -> WorldSettings:
        """Put changed switches in force from now on."""
        with self.lock:
            return self.config.change(**changes)

    def offer(self, address: str, call: Call, at: datetime | None = None) -> Outcome:
        """Offer one call to admission, without the wire."""
        with self.lock:
            return self.runtime.offer(address, call, at)

    def offer_minute(self, offer: MinuteOffer) -> MinuteResult:
        """Offer a minute of calls to admission, without the wire."""
        with self.lock:
            return self.runtime.offer_minute(offer)

    def bill(self, start: datetime, end: datetime) -> Bill:
        """What PTs cost in [start, end): every billing period that started in it, in full.

        Raises:
            ValueError: `end` lies after now.
        """
        if end > self.clock.now():
            raise ValueError(
                f"the clock stands at {self.clock.now()}, so nothing is known to {end}"
            )
        with self.lock:
            return self._billing.bill(start, end)

    def traffic(self, start: datetime, end: datetime) -> Mapping[tuple[str, datetime], Traffic]:
        """The true traffic of [start, end) by ModelId and minute, free of any metric lag."""
        with self.lock:
            return self._recorder.truth(start, end)
