"""Group relative policy optimisation written out: equation 3 of Shao et al., arXiv 2402.03300, on answers as sampled."""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Sample:
    """One step's answers, group by group.

    Attributes
    ----------
    prompts:
        Token ids of each answer's prompt.
    answers:
        Token ids of each answer, its end included.
    rewards:
        Of each answer.
    """

    prompts: list[list[int]]
    answers: list[list[int]]
    rewards: list[float]


def token_logp(module, prompt, answer, temperature) -> Tensor:
    """Log-probability of each token of an answer, at a temperature."""
    logits = module(torch.tensor([[*prompt, *answer]])).logits[0, len(prompt) - 1 : -1]
    return (logits / temperature).log_softmax(-1)[torch.arange(len(answer)), torch.tensor(answer)]


def advantages(rewards, group) -> list[float]:
    """Of each answer, by how many standard deviations its reward is above the mean of its group."""
    values = []
    for start in range(0, len(rewards), group):
        own = torch.tensor(rewards[start : start + group])
        values += ((own - own.mean()) / (own.std() + 1e-4)).tolist()
    return values


def optimised(module, samples, *, group, rate, beta, temperature=1.0, largest=1.0):
    """The weights after each step, from what was sampled at it: one update a sample, AdamW, a linear schedule.

    On the policy that sampled, the ratio of equation 3 is 1 and nothing is clipped; its gradient is that of the
    log-probability. The divergence is the unbiased estimator of equation 4, averaged over an answer's tokens.
    """
    reference, module = copy.deepcopy(module).eval(), copy.deepcopy(module).eval().requires_grad_(True)
    optimiser = torch.optim.AdamW(module.parameters(), lr=rate, weight_decay=0.0)
    steps = []
    for number, sample in enumerate(samples):
        for part in optimiser.param_groups:
            part["lr"] = rate * (1 - number / len(samples))
        losses = []
        of_each = advantages(sample.rewards, group)
        for prompt, answer, advantage in zip(sample.prompts, sample.answers, of_each, strict=True):
            logp = token_logp(module, prompt, answer, temperature)
            with torch.no_grad():
                ahead = token_logp(reference, prompt, answer, temperature)
            divergence = (ahead - logp).exp() - (ahead - logp) - 1
            losses.append(((logp - logp.detach()).exp() * -advantage + beta * divergence).mean())
        optimiser.zero_grad()
        torch.stack(losses).mean().backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), largest)
        optimiser.step()
        steps.append({name: weights.detach().clone() for name, weights in module.named_parameters()})
    return steps
