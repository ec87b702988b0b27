{{- define "normguard.name" -}}
{{- if contains "normguard" .Release.Name }}{{ .Release.Name | trunc 63 | trimSuffix "-" }}{{ else }}{{ printf "%s-normguard" .Release.Name | trunc 63 | trimSuffix "-" }}{{ end -}}
{{- end }}

{{- define "normguard.selector" -}}
app.kubernetes.io/name: normguard
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "normguard.labels" -}}
{{ include "normguard.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "normguard.secret" -}}
{{ .Values.existingSecret | default (include "normguard.name" .) }}
{{- end }}
