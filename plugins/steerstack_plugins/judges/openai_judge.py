"""A judge behind any endpoint that speaks OpenAI's chat completions: vLLM, llama.cpp, Ollama, OpenAI."""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, final
from urllib.parse import urlsplit

from pydantic import Field

from steerstack.contracts import Judge, Verdict
from steerstack.errors import JudgeError
from steerstack.util import keys
from steerstack_plugins.judges.common.verdict_prompt import verdict_of, wording

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from openai import OpenAI, OpenAIError

_OPENAI = "https://api.openai.com"
_KEY = "OPENAI_API_KEY"
_OURS = frozenset(
    ("accept", "accept-encoding", "authorization", "connection", "content-length", "content-type", "host")
)
"""Headers of a request; the client would also send what variables of the environment hold for OpenAI."""

_KEEP = f"The key of another server stands in {keys.KEYS} in steerstack's home, by the server's address."
_HOW_TO_JUDGE = "You judge answers. Reply with Yes or No only."


@final
class OpenAIJudge(Judge):
    """P(Yes) of a served model, from its log-probabilities where the server gives them, else its word.

    With log-probabilities the score is the probability of the first token being a form of Yes
    among those that are Yes or No, if they have ``least_mass`` together; else 1 or 0 as the text
    begins with Yes or No; else there is no verdict. Greedy decoding.

    ``OPENAI_API_KEY`` goes to api.openai.com alone. Another server gets the key that ``keys.json`` in
    steerstack's home holds for its address, and none if there is none; no key goes to another machine over plain http.
    """

    name = "openai"
    needs = ("judge", "network")

    model: str = Field(description="The model's name, as the server knows it.")
    base_url: str = Field(f"{_OPENAI}/v1", description="The endpoint, up to and including /v1.")
    logprobs: bool = Field(True, description="Ask for log-probabilities; some servers refuse the request.")
    max_tokens: int = Field(8, ge=1, description="Bound on the reply; a model that thinks aloud needs more.")
    least_mass: float = Field(0.1, ge=0, le=1, description="Least P(Yes) + P(No) for log-probabilities to count.")
    timeout: float = Field(60.0, gt=0, description="Seconds for one request.")
    retries: int = Field(3, ge=0, description="Further tries of a request, with growing pauses.")
    concurrency: int = Field(8, ge=1, description="Requests at the same time.")

    def identity(self) -> Mapping[str, Any]:
        """Without what only decides how the server is reached."""
        transport = {"timeout", "retries", "concurrency"}
        return {"name": self.name, "parameters": {k: v for k, v in self.parameters().items() if k not in transport}}

    def judge(
        self,
        criterion: str,
        questions: Sequence[str],
        answers: Sequence[str],
        references: Sequence[Sequence[str]] | None = None,
    ) -> list[Verdict]:
        """One request for each answer.

        Raises
        ------
        JudgeError
            The server is away or refuses, after all retries; ``given`` holds the verdicts it gave.
        """
        right: Sequence[Sequence[str] | None] = references or [None] * len(answers)
        requests = [wording(criterion, *row) for row in zip(questions, answers, right, strict=True)]
        client = self._client()
        from openai import OpenAIError  # after the check that it is there

        verdicts: dict[int, Verdict] = {}
        failure: OpenAIError | JudgeError | None = None
        pool = ThreadPoolExecutor(self.concurrency)
        with client:
            try:
                futures = [pool.submit(self._ask, client, text) for text in requests]
                for index, future in enumerate(futures):
                    if failure is not None and future.cancel():
                        continue
                    try:
                        verdicts[index] = future.result()
                    except (OpenAIError, JudgeError) as error:
                        failure = failure or error
            finally:  # after Ctrl-C nobody waits for what was asked
                pool.shutdown(wait=False, cancel_futures=True)
        if isinstance(failure, OpenAIError):
            raise self._away(failure, verdicts) from failure
        if failure is not None:
            raise JudgeError(failure.happened, seen=failure.seen, fix=failure.fix, given=verdicts) from failure
        return [verdicts[index] for index in range(len(requests))]

    def _client(self) -> OpenAI:
        try:
            from openai import DefaultHttpxClient, OpenAI
        except ImportError as error:
            raise JudgeError(
                "The judge openai needs the package openai.", fix="pip install 'steerstack[judge]'"
            ) from error
        key = key_for(self.base_url)
        return OpenAI(
            # servers of one's own mostly want no key, but the client insists on one
            api_key=key or "none",
            base_url=self.base_url,
            max_retries=self.retries,
            http_client=DefaultHttpxClient(
                timeout=self.timeout, follow_redirects=False, event_hooks={"request": [_only_ours]}
            ),
        )

    def _ask(self, client: OpenAI, text: str) -> Verdict:
        more: dict[str, Any] = {"logprobs": True, "top_logprobs": 20} if self.logprobs else {}
        try:
            reply: Any = client.chat.completions.create(
                model=self.model,
                messages=[{"role": "system", "content": _HOW_TO_JUDGE}, {"role": "user", "content": text}],
                temperature=0,
                max_tokens=self.max_tokens,
                **more,
            )
        except ValueError as error:  # a body that is no JSON
            raise self._strange(str(error)) from error
        choices = getattr(reply, "choices", None)
        if not choices:
            raise self._strange(str(reply))
        words = getattr(choices[0].message, "content", None) or ""
        score = _from_logprobs(choices[0], self.least_mass)
        tokens = getattr(getattr(reply, "usage", None), "total_tokens", None) or 0
        return Verdict(verdict_of(words) if score is None else score, words, tokens)

    def _strange(self, seen: str) -> JudgeError:
        return JudgeError(
            f"{self.base_url} does not answer as chat completions do.",
            seen=seen[:80],
            fix="Check base_url: it mostly ends in /v1.",
        )

    def _away(self, error: OpenAIError, given: Mapping[int, Verdict]) -> JudgeError:
        from openai import APIConnectionError, APIStatusError, APITimeoutError

        status = error.status_code if isinstance(error, APIStatusError) else 0
        if isinstance(error, APITimeoutError):
            what = f"answered nothing within {self.timeout:g} s"
            fix = "Give it more time by timeout, or ask less at once by concurrency."
        elif isinstance(error, APIConnectionError):
            what, fix = "cannot be reached", "Check that the server runs and that base_url is right."
        elif status in (401, 403):
            what, fix = "refuses the key", f"Check {_KEY} if it is OpenAI's own server. {_KEEP}"
        elif status == 404:
            what, fix = f"knows no model {self.model!r}, or nothing is there", "Check model and base_url."
        elif status == 400:
            what, fix = "refuses the request", "If it knows no log-probabilities, set logprobs=false."
        else:
            what, fix = "fails", "Try again later."
        detail = f"{type(error).__name__}: {str(error)[:120]} (after {self.retries} retries)"
        return JudgeError(f"The judge at {self.base_url} {what}.", seen=detail, fix=fix, given=given)


def key_for(base_url: str) -> str | None:
    """The key that an endpoint is sent; None for none.

    Raises
    ------
    JudgeError
        It is OpenAI's and there is no key; the address is none, or holds a secret; or the key would go over plain http
        to another machine.
    """
    keys.check_address(base_url, JudgeError, fix=_KEEP)
    parts = urlsplit(base_url)
    openai = f"{parts.scheme}://{parts.netloc}" == _OPENAI
    key = os.environ.get(_KEY) if openai else keys.kept_key(base_url, JudgeError)
    if openai and not key:
        raise JudgeError(
            "There is no key for the judge.",
            seen=f"the environment variable {_KEY} is not set",
            fix=f"Set {_KEY}, or name a server of your own by base_url.",
        )
    if key:
        keys.check_key(base_url, key, JudgeError)
    return key


def _only_ours(request: Any) -> None:
    """Take out of a request what the client put there by itself: an organisation, or headers of the environment."""
    for name in [name for name in request.headers if name.lower() not in _OURS]:
        del request.headers[name]


def _from_logprobs(choice: Any, least: float) -> float | None:
    """P(Yes) among Yes and No at the first token; None where the server gives none, or too little of both."""
    content = getattr(getattr(choice, "logprobs", None), "content", None)
    if not content:
        return None
    mass = {"yes": 0.0, "no": 0.0}
    for candidate in getattr(content[0], "top_logprobs", None) or [content[0]]:
        word = candidate.token.strip().strip(".,!\"'*").casefold()
        if word in mass:
            mass[word] += math.exp(candidate.logprob)
    total = mass["yes"] + mass["no"]
    return mass["yes"] / total if total > 0 and total >= least else None
