"""The objects of deferred work in the caller's bucket; every call is made with its credentials."""

import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_DELETE_AT_ONCE = 1000
_TAKEN = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})
_MISSING = frozenset({"NoSuchKey", "404"})

type Keep = Callable[[], None]
"""Renews a lease that is held; raises `BusyError` when another process has it."""


class BusyError(Exception):
    """Another process is at work on the same spool."""


class UndeletedError(Exception):
    """S3 left objects where they were."""


class Spool:
    """Objects under one prefix of a bucket.

    `spool/<id>.json` is a record that waits, `batches/<job>/input.jsonl` the records of a job and
    `batches/<job>/output/` what Bedrock wrote, `open/<job>.json` a job that is not collected yet,
    `results/<id>.json` an answer, and `lease.json` whose turn it is.
    """

    def __init__(self, s3: "S3Client", bucket: str, prefix: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._prefix = prefix.strip("/")

    def uri(self, name: str) -> str:
        """The S3 URI of an object or folder."""
        return f"s3://{self._bucket}/{self._prefix}/{name}"

    def put(self, name: str, text: str) -> None:
        """Write an object."""
        self._s3.put_object(Bucket=self._bucket, Key=self._key(name), Body=text.encode())

    def get(self, name: str) -> str | None:
        """The text of an object; None when there is none."""
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=self._key(name))
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                return None
            raise
        return answer["Body"].read().decode()

    def has(self, name: str) -> bool:
        """Whether there is such an object."""
        try:
            self._s3.head_object(Bucket=self._bucket, Key=self._key(name))
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                return False
            raise
        return True

    def lines(self, name: str) -> Iterator[str]:
        """The lines of an object, which may be too large to hold."""
        answer = self._s3.get_object(Bucket=self._bucket, Key=self._key(name))
        for line in answer["Body"].iter_lines():
            if line:
                yield line.decode()

    def names(self, folder: str) -> Iterator[str]:
        """Names of all objects in a folder, in alphabetical order."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._key(folder)
        )
        for page in pages:
            for found in page.get("Contents", []):
                yield found["Key"].removeprefix(f"{self._prefix}/")

    def delete(self, names: Iterable[str]) -> None:
        """Delete objects, those that are gone already included.

        Raises:
            UndeletedError: S3 refused some, which it says in an answer that is no error.
        """
        keys = [self._key(name) for name in names]
        for start in range(0, len(keys), _DELETE_AT_ONCE):
            listed: Any = [{"Key": key} for key in keys[start : start + _DELETE_AT_ONCE]]
            answer = self._s3.delete_objects(
                Bucket=self._bucket, Delete={"Objects": listed, "Quiet": True}
            )
            for left in answer.get("Errors", []):
                raise UndeletedError(f"{left.get('Key')} is not deleted: {left.get('Code')}")

    @contextmanager
    def turn(self, longest: timedelta) -> Iterator[Keep]:
        """Hold the lease, and what renews it; one that was not for `longest` was left by the dead.

        Raises:
            BusyError: another process holds it.
        """
        key = self._key("lease.json")
        # Its own words tell one holder from the next: equal ones would have one tag.
        body = dump({"holder": uuid.uuid4().hex}).encode()
        try:
            held = self._s3.put_object(Bucket=self._bucket, Key=key, Body=body, IfNoneMatch="*")
        except ClientError as error:
            if error.response["Error"]["Code"] not in _TAKEN:
                raise
            held = self._take_over(key, body, longest)
        tag = held["ETag"]

        def keep() -> None:
            nonlocal tag
            tag = self._write_over(key, body, tag)["ETag"]

        try:
            yield keep
        finally:
            self._give_back(key, tag)

    def _give_back(self, key: str, tag: str) -> None:
        """Delete the lease, unless another process has taken it over meanwhile."""
        try:
            found = self._s3.head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _MISSING:
                raise
            return
        if found["ETag"] == tag:
            self._s3.delete_object(Bucket=self._bucket, Key=key)

    def _take_over(self, key: str, body: bytes, longest: timedelta) -> Any:  # noqa: ANN401 - S3's answer
        found = self._s3.head_object(Bucket=self._bucket, Key=key)
        # Both times are S3's own, so that no clock of ours matters.
        date = found["ResponseMetadata"]["HTTPHeaders"].get("date")
        now = parsedate_to_datetime(date) if date else found["LastModified"]
        if now - found["LastModified"] <= longest:
            raise BusyError(f"{self.uri('lease.json')} is held since {found['LastModified']}")
        return self._write_over(key, body, found["ETag"])

    def _write_over(self, key: str, body: bytes, tag: str) -> Any:  # noqa: ANN401 - S3's answer
        """Write the lease in place of the one with this tag, and of no other."""
        try:
            return self._s3.put_object(Bucket=self._bucket, Key=key, Body=body, IfMatch=tag)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _TAKEN | _MISSING:
                raise
            raise BusyError(f"{self.uri('lease.json')} was taken over by another") from error

    def _key(self, name: str) -> str:
        return f"{self._prefix}/{name}"


def dump(value: Mapping[str, Any]) -> str:
    """JSON on one line."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
