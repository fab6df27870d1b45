{{/* The environment of a worker. The worker controller adds the connection by itself. */}}
{{- define "iam-bootstrap.environment" -}}
- name: IAM_BOOTSTRAP_TASK_QUEUE
  value: {{ .Values.temporal.taskQueue | quote }}
- name: IAM_BOOTSTRAP_LOG
  value: {{ .Values.logLevel }}
- name: IAM_BOOTSTRAP_HEALTH
  value: '[::]:8080'
{{- if .Values.metrics.enabled }}
- name: IAM_BOOTSTRAP_METRICS
  value: '[::]:9464'
{{- end }}
{{- with .Values.temporal.uiUrl }}
- name: IAM_BOOTSTRAP_UI_URL
  value: {{ . | quote }}
{{- end }}
{{- if not (include "iam-bootstrap.isControlled" .) }}
- name: TEMPORAL_ADDRESS
  value: {{ .Values.temporal.address | quote }}
- name: TEMPORAL_NAMESPACE
  value: {{ .Values.temporal.namespace | quote }}
{{- with .Values.temporal.tls.serverName }}
- name: TEMPORAL_TLS_SERVER_NAME
  value: {{ . | quote }}
{{- end }}
{{- if .Values.temporal.tls.existingSecret }}
- name: TEMPORAL_TLS_CLIENT_CERT_PATH
  value: /etc/iam-bootstrap/temporal-tls/tls.crt
- name: TEMPORAL_TLS_CLIENT_KEY_PATH
  value: /etc/iam-bootstrap/temporal-tls/tls.key
{{- end }}
{{- with .Values.temporal.apiKey }}
{{- if .existingSecret }}
- name: IAM_BOOTSTRAP_TEMPORAL_API_KEY_FILE
  value: {{ printf "/etc/iam-bootstrap/temporal-api-key/%s" .key | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- if and .Values.temporal.tls.enabled (not (and (include "iam-bootstrap.isControlled" .) .Values.temporal.tls.existingSecret)) }}
- name: TEMPORAL_TLS
  value: 'true'
{{- end }}
{{- if .Values.temporal.tls.existingCaSecret }}
- name: TEMPORAL_TLS_SERVER_CA_CERT_PATH
  value: /etc/iam-bootstrap/temporal-ca/ca.crt
{{- end }}
{{- if include "iam-bootstrap.hasGuardrails" . }}
- name: IAM_BOOTSTRAP_GUARDRAILS
  value: /etc/iam-bootstrap/guardrails/guardrails.yaml
{{- end }}
{{- if .Values.keys.permit.existingSecret }}
- name: IAM_BOOTSTRAP_PERMIT_KEY_FILE
  value: {{ printf "/etc/iam-bootstrap/permit/%s" .Values.keys.permit.key | quote }}
{{- end }}
{{- if .Values.keys.request.existingSecret }}
- name: IAM_BOOTSTRAP_REQUEST_KEY_FILE
  value: /etc/iam-bootstrap/request/{{ .Values.keys.request.key }}
{{- end }}
{{- if .Values.keys.encryption.existingSecret }}
- name: IAM_BOOTSTRAP_ENCRYPTION_KEYS_FILE
  value: /etc/iam-bootstrap/encryption/{{ .Values.keys.encryption.key }}
{{- end }}
{{- with .Values.encryption.kmsKey }}
- name: IAM_BOOTSTRAP_ENCRYPTION_KMS_KEY
  value: {{ . | quote }}
{{- end }}
{{- if .Values.encryption.required }}
- name: IAM_BOOTSTRAP_ENCRYPTION
  value: required
{{- end }}
{{- if .Values.notifications.existingSecret }}
- name: IAM_BOOTSTRAP_NOTIFICATIONS
  value: /etc/iam-bootstrap/notifications/{{ .Values.notifications.key }}
{{- end }}
{{- with .Values.aws.region }}
- name: AWS_REGION
  value: {{ . }}
{{- end }}
{{- with .Values.aws.existingSecret }}
- name: AWS_ACCESS_KEY_ID
  valueFrom: { secretKeyRef: { name: {{ . | quote }}, key: AWS_ACCESS_KEY_ID } }
- name: AWS_SECRET_ACCESS_KEY
  valueFrom: { secretKeyRef: { name: {{ . | quote }}, key: AWS_SECRET_ACCESS_KEY } }
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Secrets that are mounted, by the name of their folder: the secret, and the key where only one counts. */}}
{{- define "iam-bootstrap.secretFolders" -}}
{{- $folders := dict
  "permit" .Values.keys.permit
  "request" .Values.keys.request
  "encryption" .Values.keys.encryption
  "notifications" .Values.notifications
  "temporal-ca" (dict "existingSecret" .Values.temporal.tls.existingCaSecret "key" "ca.crt")
-}}
{{- if not (include "iam-bootstrap.isControlled" .) -}}
{{- $_ := set $folders "temporal-tls" (dict "existingSecret" .Values.temporal.tls.existingSecret) -}}
{{- $_ := set $folders "temporal-api-key" .Values.temporal.apiKey -}}
{{- end -}}
{{- toYaml $folders -}}
{{- end -}}

{{/* The pod of a worker: metadata and spec. */}}
{{- define "iam-bootstrap.pod" -}}
metadata:
  labels:
    {{- merge (include "iam-bootstrap.selectorLabels" . | fromYaml) (deepCopy .Values.podLabels) | toYaml | nindent 4 }}
  {{- if or .Values.guardrails.content .Values.podAnnotations }}
  annotations:
    {{- with .Values.guardrails.content }}
    # New guardrails start new pods: a file that is invalid stops the rollout.
    checksum/guardrails: {{ toYaml . | sha256sum | quote }}
    {{- end }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- end }}
spec:
  serviceAccountName: {{ include "iam-bootstrap.serviceAccountName" . | quote }}
  # The worker does not call Kubernetes. IRSA and Pod Identity mount tokens of their own.
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . | quote }}
    {{- end }}
  {{- end }}
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  securityContext:
    {{- $podDefaults := dict "runAsNonRoot" true "seccompProfile" (dict "type" "RuntimeDefault") }}
    {{- mergeOverwrite $podDefaults (deepCopy .Values.podSecurityContext) | toYaml | nindent 4 }}
  containers:
    - name: worker
      image: {{ include "iam-bootstrap.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      securityContext:
        {{- $defaults := dict
          "allowPrivilegeEscalation" false
          "privileged" false
          "readOnlyRootFilesystem" true
          "capabilities" (dict "drop" (list "ALL"))
        }}
        {{- mergeOverwrite $defaults (deepCopy .Values.securityContext) | toYaml | nindent 8 }}
      env:
        {{- include "iam-bootstrap.environment" . | nindent 8 }}
      ports:
        - { name: health, containerPort: 8080 }
        {{- if .Values.metrics.enabled }}
        - { name: metrics, containerPort: 9464 }
        {{- end }}
      startupProbe:
        httpGet: { path: /livez, port: health }
        periodSeconds: 2
        failureThreshold: 30
      livenessProbe:
        httpGet: { path: /livez, port: health }
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 3
      readinessProbe:
        httpGet: { path: /readyz, port: health }
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 3
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      volumeMounts:
        - { name: tmp, mountPath: /tmp }
        {{- if include "iam-bootstrap.hasGuardrails" . }}
        - { name: guardrails, mountPath: /etc/iam-bootstrap/guardrails, readOnly: true }
        {{- end }}
        {{- range $name, $secret := include "iam-bootstrap.secretFolders" . | fromYaml }}
        {{- if $secret.existingSecret }}
        - { name: {{ $name }}, mountPath: /etc/iam-bootstrap/{{ $name }}, readOnly: true }
        {{- end }}
        {{- end }}
        {{- with .Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - { name: tmp, emptyDir: { sizeLimit: 64Mi } }
    {{- if include "iam-bootstrap.hasGuardrails" . }}
    - name: guardrails
      configMap:
        name: {{ default (printf "%s-guardrails" (include "iam-bootstrap.name" .)) .Values.guardrails.existingConfigMap | quote }}
    {{- end }}
    {{- range $name, $secret := include "iam-bootstrap.secretFolders" . | fromYaml }}
    {{- if $secret.existingSecret }}
    - name: {{ $name }}
      secret:
        secretName: {{ $secret.existingSecret | quote }}
        # 0440: the worker reads it as its group.
        defaultMode: 288
        {{- with $secret.key }}
        items: [{ key: {{ . | quote }}, path: {{ . | quote }} }]
        {{- end }}
    {{- end }}
    {{- end }}
    {{- with .Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .Values.topologySpreadConstraints }}
  {{- $selector := dict "matchLabels" (include "iam-bootstrap.selectorLabels" $ | fromYaml) }}
  topologySpreadConstraints:
    {{- range . }}
    - {{ merge (dict "labelSelector" (deepCopy $selector)) . | toYaml | nindent 6 | trim }}
    {{- end }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . | quote }}
  {{- end }}
{{- end -}}
