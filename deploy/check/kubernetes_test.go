package check

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// A serviceMonitor is what is used of the Prometheus operator's resource.
type serviceMonitor struct {
	meta.TypeMeta   `json:",inline"`
	meta.ObjectMeta `json:"metadata"`
	Spec            struct {
		Selector  meta.LabelSelector `json:"selector"`
		Endpoints []struct {
			Port     string `json:"port"`
			Path     string `json:"path"`
			Interval string `json:"interval"`
		} `json:"endpoints"`
	} `json:"spec"`
}

// kinds are the resources that the manifests may hold.
var kinds = map[string]func() meta.Object{
	"v1 ConfigMap":                            func() meta.Object { return &core.ConfigMap{} },
	"v1 Service":                              func() meta.Object { return &core.Service{} },
	"apps/v1 Deployment":                      func() meta.Object { return &apps.Deployment{} },
	"apps/v1 StatefulSet":                     func() meta.Object { return &apps.StatefulSet{} },
	"policy/v1 PodDisruptionBudget":           func() meta.Object { return &policy.PodDisruptionBudget{} },
	"networking.k8s.io/v1 NetworkPolicy":      func() meta.Object { return &networking.NetworkPolicy{} },
	"autoscaling/v2 HorizontalPodAutoscaler":  func() meta.Object { return &autoscaling.HorizontalPodAutoscaler{} },
	"monitoring.coreos.com/v1 ServiceMonitor": func() meta.Object { return &serviceMonitor{} },
}

// manifests decodes the files of some directories as the API server does under strict
// field validation: an unknown field, one twice, or one in other capitals is an error.
func manifests(t *testing.T, dirs ...string) (all []meta.Object) {
	t.Helper()
	for _, dir := range dirs {
		files, err := filepath.Glob(filepath.Join("..", "kubernetes", dir, "*.yaml"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no manifests in %s: %v", dir, err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			noSecrets(t, file, data)
			for doc := range bytes.SplitSeq(data, []byte("\n---\n")) {
				o, err := decode(doc)
				if err != nil {
					t.Fatalf("%s: %v", file, err)
				}
				all = append(all, o)
			}
		}
	}
	return all
}

func decode(doc []byte) (meta.Object, error) {
	data, err := yaml.YAMLToJSONStrict(doc)
	if err != nil {
		return nil, err
	}
	var of meta.TypeMeta
	if err := json.UnmarshalCaseSensitivePreserveInts(data, &of); err != nil {
		return nil, err
	}
	kind := kinds[of.APIVersion+" "+of.Kind]
	if kind == nil {
		return nil, fmt.Errorf("no kind %s %s", of.APIVersion, of.Kind)
	}
	o := kind()
	wrong, err := json.UnmarshalStrict(data, o)
	if err == nil && len(wrong) > 0 {
		err = fmt.Errorf("%v", wrong)
	}
	return o, err
}

func TestDecodingIsStrict(t *testing.T) {
	const good = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {clusterIP: None}\n"
	if _, err := decode([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{
		strings.Replace(good, "clusterIP", "clusterIp", 1), strings.Replace(good, "clusterIP", "clusterAddress", 1),
		strings.Replace(good, "v1", "v2", 1), good + "kind: Service\n",
	} {
		if _, err := decode([]byte(bad)); err == nil {
			t.Errorf("was accepted:\n%s", bad)
		}
	}
}

// A workload is what runs pods.
type workload struct {
	name, config string
	pod          core.PodTemplateSpec
	selector     *meta.LabelSelector
	claims       []core.PersistentVolumeClaim
}

func workloads(t *testing.T) (all []workload) {
	t.Helper()
	for _, dir := range []string{"gateway", "sidecar"} {
		var w workload
		config := map[string]string{}
		for _, o := range manifests(t, dir) {
			switch o := o.(type) {
			case *apps.Deployment:
				w = workload{name: dir, pod: o.Spec.Template, selector: o.Spec.Selector}
			case *apps.StatefulSet:
				w = workload{name: dir, pod: o.Spec.Template, selector: o.Spec.Selector, claims: o.Spec.VolumeClaimTemplates}
			case *core.ConfigMap:
				config[o.Name] = o.Data["avow.yaml"]
			}
		}
		for _, v := range w.pod.Spec.Volumes {
			if v.ConfigMap != nil {
				w.config = config[v.ConfigMap.Name]
			}
		}
		if w.name == "" || w.config == "" {
			t.Fatalf("%s: no workload with a configuration", dir)
		}
		all = append(all, w)
	}
	return all
}

// container is avow's own.
func (w workload) container(t *testing.T) core.Container {
	t.Helper()
	i := slices.IndexFunc(w.pod.Spec.Containers, func(c core.Container) bool { return c.Name == "avow" })
	if i < 0 {
		t.Fatalf("%s: no container avow", w.name)
	}
	return w.pod.Spec.Containers[i]
}

// TestPodsAreRestricted checks the pods against the Pod Security Standard of that
// name (kubernetes.io/docs/concepts/security/pod-security-standards), and a read-only
// root file system beyond it.
func TestPodsAreRestricted(t *testing.T) {
	is := func(b *bool, want bool) bool { return b != nil && *b == want }
	for _, w := range workloads(t) {
		pod := w.pod.Spec
		s := pod.SecurityContext
		if s == nil || !is(s.RunAsNonRoot, true) || s.RunAsUser == nil || *s.RunAsUser == 0 || s.SeccompProfile == nil || s.SeccompProfile.Type != core.SeccompProfileTypeRuntimeDefault {
			t.Errorf("%s: security context %+v", w.name, s)
		}
		if pod.HostNetwork || pod.HostPID || pod.HostIPC || !is(pod.AutomountServiceAccountToken, false) || !is(pod.EnableServiceLinks, false) {
			t.Errorf("%s shares with its host, or has a token or service links", w.name)
		}
		for _, c := range slices.Concat(pod.InitContainers, pod.Containers) {
			s := c.SecurityContext
			if s == nil || !is(s.AllowPrivilegeEscalation, false) || !is(s.ReadOnlyRootFilesystem, true) || s.Capabilities == nil ||
				!slices.Equal(s.Capabilities.Drop, []core.Capability{"ALL"}) || len(s.Capabilities.Add) > 0 || is(s.Privileged, true) {
				t.Errorf("%s/%s: security context %+v", w.name, c.Name, s)
			}
			if c.Resources.Requests.Cpu().IsZero() || c.Resources.Requests.Memory().IsZero() || c.Resources.Limits.Memory().IsZero() {
				t.Errorf("%s/%s: no resources", w.name, c.Name)
			}
			if c.Image != "avow:local" && !pinned.MatchString(c.Image) {
				t.Errorf("%s/%s: the image %s is not pinned by a tag", w.name, c.Name, c.Image)
			}
		}
		for _, v := range pod.Volumes {
			if v.HostPath != nil || v.Secret != nil && (v.Secret.DefaultMode == nil || *v.Secret.DefaultMode != 0o400) {
				t.Errorf("%s: volume %s", w.name, v.Name)
			}
		}
	}
}

// TestPodsFitAvow: flags, variables, ports, probes and files are those of avow.
func TestPodsFitAvow(t *testing.T) {
	for _, w := range workloads(t) {
		c, conf := w.container(t), configured(t, []byte(w.config))
		known(t, w.name, c.Args)
		for _, e := range c.Env {
			knownVariable(t, w.name, "proxy", e.Name)
		}
		ports := map[string]string{}
		for _, p := range c.Ports {
			ports[p.Name] = fmt.Sprint(p.ContainerPort)
		}
		if ports["http"] != port(t, conf.Listen) || ports["admin"] != port(t, conf.Admin) || strings.HasPrefix(conf.Admin, "127.") {
			t.Errorf("%s: ports %v, configured %s and %s", w.name, ports, conf.Listen, conf.Admin)
		}
		for path, p := range map[string][]*core.Probe{"/healthz": {c.StartupProbe, c.LivenessProbe}, "/readyz": {c.ReadinessProbe}} {
			for _, p := range p {
				if p == nil || p.HTTPGet == nil || p.HTTPGet.Path != path || p.HTTPGet.Port != intstr.FromString("admin") {
					t.Errorf("%s: probe %+v, want %s", w.name, p, path)
				}
			}
		}
		w.mounts(t, c, conf)
	}
	answered(t, "/healthz", "/readyz", "/metrics") // the last for ServiceMonitor
}

// mounts checks that what the configuration and the arguments name is mounted from a
// volume that there is.
func (w workload) mounts(t *testing.T, c core.Container, conf setting) {
	t.Helper()
	var volumes []string
	for _, v := range w.pod.Spec.Volumes {
		volumes = append(volumes, v.Name)
	}
	for _, v := range w.claims {
		volumes = append(volumes, v.Name)
	}
	files := append(conf.files(), "/data/ledger.db", "/etc/avow/avow.yaml")
	for _, e := range c.Env {
		if strings.HasPrefix(e.Value, "/") {
			files = append(files, e.Value)
		}
	}
	mounted := map[string]bool{}
	for _, m := range c.VolumeMounts {
		mounted[m.MountPath] = true
		if !slices.Contains(volumes, m.Name) {
			t.Errorf("%s: no volume %s", w.name, m.Name)
		}
	}
	for _, file := range files {
		if !mounted[filepath.Dir(file)] {
			t.Errorf("%s: nothing is mounted for %s", w.name, file)
		}
	}
}

// TestPodsHaveTimeToStop: the kubelet kills what has not stopped in time, whatever it
// still sends.
func TestPodsHaveTimeToStop(t *testing.T) {
	for _, w := range workloads(t) {
		c := w.container(t)
		if c.Lifecycle == nil || c.Lifecycle.PreStop == nil || c.Lifecycle.PreStop.Sleep == nil {
			t.Errorf("%s: no pause before it stops", w.name)
			continue
		}
		need := configured(t, []byte(w.config)).stops(t) + time.Duration(c.Lifecycle.PreStop.Sleep.Seconds)*time.Second
		grace := w.pod.Spec.TerminationGracePeriodSeconds
		if grace == nil || time.Duration(*grace)*time.Second < need {
			t.Errorf("%s: %v seconds to stop, want %v", w.name, grace, need)
		}
	}
}

// TestSelectors: services, policies and budgets select the pods, by ports that these
// have.
func TestSelectors(t *testing.T) {
	all := workloads(t)
	pods := map[string]workload{"avow": all[0], "avow-admin": all[0], "assistant": all[1]}
	matches := func(name string, labels map[string]string) workload {
		t.Helper()
		w, ok := pods[name]
		if !ok {
			t.Fatalf("no workload for %s", name)
		}
		for k, v := range labels {
			if w.pod.Labels[k] != v {
				t.Errorf("%s selects %s=%s, the pods have %v", name, k, v, w.pod.Labels)
			}
		}
		if len(labels) == 0 {
			t.Errorf("%s selects everything", name)
		}
		return w
	}
	for _, w := range all {
		matches(map[string]string{"gateway": "avow", "sidecar": "assistant"}[w.name], w.selector.MatchLabels)
	}
	for _, o := range manifests(t, "gateway", "sidecar", "optional") {
		switch o := o.(type) {
		case *core.Service:
			c := matches(o.Name, o.Spec.Selector).container(t)
			for _, p := range o.Spec.Ports {
				if !slices.ContainsFunc(c.Ports, func(has core.ContainerPort) bool { return p.TargetPort == intstr.FromString(has.Name) }) {
					t.Errorf("service %s: no port %v", o.Name, p.TargetPort)
				}
			}
		case *policy.PodDisruptionBudget:
			matches(o.Name, o.Spec.Selector.MatchLabels)
		case *networking.NetworkPolicy:
			matches(o.Name, o.Spec.PodSelector.MatchLabels)
		case *autoscaling.HorizontalPodAutoscaler:
			if o.Spec.ScaleTargetRef.Name != "avow" || o.Spec.ScaleTargetRef.Kind != "Deployment" {
				t.Errorf("scales %+v", o.Spec.ScaleTargetRef)
			}
			knownMetric(t, o.Spec.Metrics[0].Pods.Metric.Name)
		case *serviceMonitor:
			if o.Spec.Endpoints[0].Port != "admin" || o.Spec.Endpoints[0].Path != "/metrics" {
				t.Errorf("scrapes %+v", o.Spec.Endpoints)
			}
		}
	}
}

// knownMetric checks that avow's source has a metric of this name.
func knownMetric(t *testing.T, name string) {
	t.Helper()
	source, err := os.ReadFile(filepath.Join(root, "middleware", "metrics.go"))
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`"` + regexp.QuoteMeta(name) + `"`).Match(source) {
		t.Errorf("no metric is called %s", name)
	}
}
