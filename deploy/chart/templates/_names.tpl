{{/* The name of every object. */}}
{{- define "svm.name" -}}
{{- if contains "svm" .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-svm" .Release.Name | trunc 50 | trimSuffix "-" }}{{ end -}}
{{- end -}}

{{/* The labels by which a pod is chosen; they never change. */}}
{{- define "svm.selector" -}}
app.kubernetes.io/name: svm
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "svm.labels" -}}
{{ include "svm.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{/* Not empty where Redis is the store. */}}
{{- define "svm.redis" -}}
{{ .Values.redis.host }}{{ .Values.redis.existingSecret }}
{{- end -}}

{{/* Not empty where the embedded store has a volume. */}}
{{- define "svm.volume" -}}
{{- if and .Values.persistence.enabled (not (include "svm.redis" .)) }}volume{{ end -}}
{{- end -}}
