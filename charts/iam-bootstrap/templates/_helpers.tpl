{{/* The name of all objects. */}}
{{- define "iam-bootstrap.name" -}}
{{- default .Release.Name .Values.fullnameOverride | trunc 47 | trimSuffix "-" -}}
{{- end -}}

{{- define "iam-bootstrap.serviceAccountName" -}}
{{- default (include "iam-bootstrap.name" .) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "iam-bootstrap.selectorLabels" -}}
app.kubernetes.io/name: iam-bootstrap
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "iam-bootstrap.labels" -}}
{{ include "iam-bootstrap.selectorLabels" . }}
app.kubernetes.io/component: worker
app.kubernetes.io/version: {{ default .Chart.AppVersion .Values.image.tag | trunc 63 | trimAll "-_." | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "iam-bootstrap.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{- define "iam-bootstrap.hasGuardrails" -}}
{{- if or .Values.guardrails.content .Values.guardrails.existingConfigMap -}}true{{- end -}}
{{- end -}}

{{/* True where the worker controller connects, and tells the pods how. */}}
{{- define "iam-bootstrap.isControlled" -}}
{{- if eq .Values.workload "WorkerDeployment" -}}true{{- end -}}
{{- end -}}

{{- define "iam-bootstrap.connection" -}}
{{- default (include "iam-bootstrap.name" .) .Values.workerDeployment.connection -}}
{{- end -}}

{{/* Fails where values contradict each other, with what to set. */}}
{{- define "iam-bootstrap.check" -}}
{{- if not .Values.image.repository -}}
{{- fail "image.repository is not set: build and push the image, and name it" -}}
{{- end -}}
{{- if not (or .Values.temporal.address (and (include "iam-bootstrap.isControlled" .) .Values.workerDeployment.connection)) -}}
{{- fail "temporal.address is not set: the host:port of Temporal's frontend" -}}
{{- end -}}
{{- if and .Values.guardrails.content .Values.guardrails.existingConfigMap -}}
{{- fail "guardrails.content and guardrails.existingConfigMap are both set: remove one" -}}
{{- end -}}
{{- if and .Values.guardrails.none (include "iam-bootstrap.hasGuardrails" .) -}}
{{- fail "guardrails.none is true, but guardrails are set: set guardrails.none to false, or remove guardrails.content and guardrails.existingConfigMap" -}}
{{- end -}}
{{- if not (or .Values.guardrails.none (include "iam-bootstrap.hasGuardrails" .)) -}}
{{- fail "there are no guardrails: set guardrails.content or guardrails.existingConfigMap, or guardrails.none to true to allow everything that the AWS credentials allow" -}}
{{- end -}}
{{- if and (or (include "iam-bootstrap.hasGuardrails" .) .Values.keys.request.existingSecret) (not .Values.keys.permit.existingSecret) -}}
{{- fail "keys.permit.existingSecret is not set: guardrails and a request key need it" -}}
{{- end -}}
{{- if and .Values.aws.roleArn (not .Values.serviceAccount.create) -}}
{{- fail "aws.roleArn is set, and the chart makes no service account: annotate yours, and leave aws.roleArn empty" -}}
{{- end -}}
{{- if not (or .Values.serviceAccount.create .Values.serviceAccount.name) -}}
{{- fail "serviceAccount.name is not set: the account to use, since the chart makes none" -}}
{{- end -}}
{{- if and .Values.temporal.tls.existingSecret .Values.temporal.apiKey.existingSecret -}}
{{- fail "temporal.tls.existingSecret and temporal.apiKey.existingSecret are both set: remove one" -}}
{{- end -}}
{{- if and .Values.temporal.tls.existingCaSecret (not .Values.temporal.tls.existingSecret) (include "iam-bootstrap.isControlled" .) (not .Values.workerDeployment.connection) -}}
{{- fail "temporal.tls.existingCaSecret needs temporal.tls.existingSecret with workload: WorkerDeployment: its controller takes the CA from that secret, key ca.crt" -}}
{{- end -}}
{{- if and (include "iam-bootstrap.isControlled" .) (not .Values.workerDeployment.connection) .Values.temporal.tls.enabled (not (or .Values.temporal.tls.existingSecret .Values.temporal.apiKey.existingSecret .Values.temporal.tls.serverName)) -}}
{{- fail "temporal.tls.enabled: the worker controller uses TLS only with temporal.tls.serverName, temporal.tls.existingSecret or temporal.apiKey.existingSecret: set one" -}}
{{- end -}}
{{- if and .Values.aws.roleArn .Values.aws.existingSecret -}}
{{- fail "aws.roleArn and aws.existingSecret are both set: remove one. The SDK would use the access keys, and not the role" -}}
{{- end -}}
{{- if and (include "iam-bootstrap.isControlled" .) .Values.workerDeployment.connection (or .Values.temporal.address .Values.temporal.tls.enabled .Values.temporal.tls.serverName .Values.temporal.tls.existingSecret .Values.temporal.tls.existingCaSecret .Values.temporal.apiKey.existingSecret) -}}
{{- fail "workerDeployment.connection names a Connection that exists: leave temporal.address, temporal.tls and temporal.apiKey empty, which would be ignored" -}}
{{- end -}}
{{- if and (include "iam-bootstrap.isControlled" .) .Values.workerDeployment.connection .Values.networkPolicy.enabled (not .Values.networkPolicy.temporalPort) -}}
{{- fail "networkPolicy.temporalPort is not set: the port of Temporal, which the Connection of workerDeployment.connection names" -}}
{{- end -}}
{{- if and (eq .Values.workerDeployment.rollout.strategy "Progressive") (not .Values.workerDeployment.rollout.steps) -}}
{{- fail "workerDeployment.rollout.steps is not set: Progressive needs steps" -}}
{{- end -}}
{{- if .Values.autoscaling.enabled -}}
{{- if include "iam-bootstrap.isControlled" . -}}
{{- fail "autoscaling.enabled needs workload: Deployment. For a WorkerDeployment, use the controller's WorkerResourceTemplate" -}}
{{- end -}}
{{- if and (or .Values.temporal.tls.enabled .Values.temporal.tls.existingCaSecret) (not (or .Values.temporal.tls.existingSecret .Values.temporal.apiKey.existingSecret)) -}}
{{- fail "autoscaling.enabled: KEDA uses TLS with Temporal only with a client certificate or an API key" -}}
{{- end -}}
{{- if gt (int .Values.autoscaling.minReplicas) (int .Values.autoscaling.maxReplicas) -}}
{{- fail "autoscaling.minReplicas is greater than autoscaling.maxReplicas" -}}
{{- end -}}
{{- end -}}
{{- end -}}
