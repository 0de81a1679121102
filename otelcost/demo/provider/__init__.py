"""A provider on the loopback interface that speaks the OpenAI and Anthropic wire formats.

It is no model: answers are made up from a seed. What is real is everything a bill depends on: response
shapes, streams, usage, prompt caching by the providers' own rules, tiers and failures.
"""

from __future__ import annotations
