"""Policies, their versions, and the groups that they are for; rules that people have written."""

from portal.policies.models.custom_rules import CustomRule, CustomRuleVersion
from portal.policies.models.policies import Binding, Policy, PolicyVersion

__all__ = ["Binding", "CustomRule", "CustomRuleVersion", "Policy", "PolicyVersion"]
