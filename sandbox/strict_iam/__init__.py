"""An emulator of IAM, STS, AWS Secrets Manager, CloudTrail's LookupEvents, Access Analyzer's policy checks and the tagging
API's GetResources, as strict as AWS.

moto parses requests, creates and stores entities, validates identity policies and issues credentials. This package adds
what AWS refuses and moto accepts, and what moto lacks. The docstring of each module lists its rules, with the error that
AWS returns.

For tests:

  GET /sandbox/journal lists every call, without documents and secrets.
  POST /sandbox/reset empties all accounts and the journal, and undoes the following requests.
  POST /sandbox/quota {"account": "111111111111", "name": "RolesQuota", "value": 3} sets a quota of quotas.py.
  POST /sandbox/authorise {"account": "111111111111", "policyDocument": {…}} checks the actions of all calls of that
  account, except for STS, against the policy; null removes it. GET /sandbox/asked lists by account the actions that
  were checked.
  POST /sandbox/in-use {"account": "111111111111", "name": "AWSServiceRoleForRDS"} makes a resource use that
  service-linked role or server certificate; with "inUse": false it no longer does.
  POST /sandbox/age-keys {"account": "111111111111", "userName": "ann", "hours": 2160} lets the access keys of that user be
  older by some hours.
  POST /sandbox/account-state {"account": "111111111111", "id": "333333333333", "state": "PENDING_CLOSURE"} gives an account
  of the organization of that management account another state.
  POST /sandbox/organization {"account": "111111111111", "error": "ServiceAccessNotEnabled"} refuses that account the
  features of its organization with that error; null allows them again.
  POST /sandbox/tag-index {"account": "111111111111", "frozen": true} has GetResources show the tags of this moment from now
  on, as an index that is behind; with false it shows the present ones.
"""
