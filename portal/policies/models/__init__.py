"""Policies, their versions, and the groups that they are for."""

from portal.policies.models.policies import Binding, Policy, PolicyVersion

__all__ = ["Binding", "Policy", "PolicyVersion"]
