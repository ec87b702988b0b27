from guard.integrations.litellm import NormGuardrail

__all__ = ["NormGuardrail"]
