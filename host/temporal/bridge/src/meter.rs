//! Core's metrics, kept here and given out as Prometheus text. Core's own exporter would listen on a port of its own, and take
//! as labels what any client of the server can choose: here the set of series is bounded.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use temporalio_common::telemetry::metrics::{
    default_buckets_for, CoreMeter, Counter, CounterBase, Gauge, GaugeBase, GaugeF64, GaugeF64Base, Histogram, HistogramBase,
    HistogramDuration, HistogramDurationBase, HistogramF64, HistogramF64Base, MetricAttributable, MetricAttributes,
    MetricParameters, NewAttributes, OrderedPromLabelSet, UpDownCounter, UpDownCounterBase,
};

/// Labels that whoever starts a workflow can choose, and the one value of each that is ours.
const CHOSEN: [(&str, &str); 2] = [("workflow_type", "cmaw.run"), ("activity_type", "cmaw.step")];
const OTHER: &str = "other";
/// Of one metric; what is beyond is not recorded.
const SERIES_MAX: usize = 1024;
const LABEL_MAX: usize = 128;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

#[derive(Debug)]
struct Family {
    kind: Kind,
    help: String,
    bounds: &'static [f64],
    series: BTreeMap<String, Series>,
}

#[derive(Debug, Default)]
struct Series {
    value: f64,
    buckets: Vec<u64>,
}

#[derive(Debug, Default)]
struct Registry {
    families: Mutex<BTreeMap<String, Family>>,
}

impl Registry {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Family>> {
        // What a panic elsewhere left is numbers still.
        self.families.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn update(&self, name: &str, labels: &str, change: impl FnOnce(&mut Series, &'static [f64])) {
        let mut families = self.lock();
        let Some(family) = families.get_mut(name) else { return };
        let bounds = family.bounds;
        if !family.series.contains_key(labels) {
            if family.series.len() >= SERIES_MAX {
                return;
            }
            let buckets = vec![0; if family.kind == Kind::Histogram { bounds.len() + 1 } else { 0 }];
            family.series.insert(labels.to_string(), Series { value: 0.0, buckets });
        }
        if let Some(series) = family.series.get_mut(labels) {
            change(series, bounds);
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for (name, family) in self.lock().iter().filter(|(_, family)| !family.series.is_empty()) {
            let kind = match family.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Histogram => "histogram",
            };
            let _ = write!(text, "# HELP {name} {}\n# TYPE {name} {kind}\n", family.help);
            for (labels, series) in &family.series {
                if family.kind == Kind::Histogram {
                    put_histogram(&mut text, name, labels, family.bounds, series);
                } else {
                    let _ = writeln!(text, "{name}{{{labels}}} {}", series.value);
                }
            }
        }
        text
    }
}

fn put_histogram(text: &mut String, name: &str, labels: &str, bounds: &[f64], series: &Series) {
    let comma = if labels.is_empty() { "" } else { "," };
    let mut count = 0;
    for (i, bucket) in series.buckets.iter().enumerate() {
        count += bucket;
        let bound = bounds.get(i).map_or("+Inf".to_string(), |bound| bound.to_string());
        let _ = writeln!(text, "{name}_bucket{{{labels}{comma}le=\"{bound}\"}} {count}");
    }
    let _ = writeln!(text, "{name}_sum{{{labels}}} {}\n{name}_count{{{labels}}} {count}", series.value);
}

fn label_value(key: &str, value: &str) -> String {
    if CHOSEN.iter().any(|(chosen, ours)| *chosen == key && *ours != value) {
        return OTHER.to_string();
    }
    value
        .chars()
        .take(LABEL_MAX)
        .map(|c| if c.is_ascii_graphic() && c != '"' && c != '\\' { c } else { '_' })
        .collect()
}

fn label_text(attributes: &MetricAttributes) -> String {
    let MetricAttributes::Prometheus { labels } = attributes else { return String::new() };
    let values = labels.as_prom_labels();
    let mut pairs: Vec<String> =
        values.iter().map(|(key, value)| format!("{key}=\"{}\"", label_value(key, value))).collect();
    pairs.sort();
    pairs.join(",")
}

/// One metric, before and after its labels are known.
#[derive(Debug, Clone)]
struct Instrument {
    registry: Arc<Registry>,
    name: String,
    labels: String,
}

impl Instrument {
    fn set(&self, value: f64) {
        self.registry.update(&self.name, &self.labels, |series, _| series.value = value);
    }

    fn add(&self, value: f64) {
        self.registry.update(&self.name, &self.labels, |series, _| series.value += value);
    }

    fn observe(&self, value: f64) {
        self.registry.update(&self.name, &self.labels, |series, bounds| {
            series.value += value;
            let at = bounds.iter().position(|bound| value <= *bound).unwrap_or(bounds.len());
            series.buckets[at] += 1;
        });
    }
}

macro_rules! instrument {
    ($base:ident, $verb:ident, $type:ty, $do:ident, $convert:expr) => {
        impl $base for Instrument {
            fn $verb(&self, value: $type) {
                self.$do($convert(value));
            }
        }
        impl MetricAttributable<Box<dyn $base>> for Instrument {
            fn with_attributes(&self, attributes: &MetricAttributes) -> Result<Box<dyn $base>, Box<dyn std::error::Error>> {
                Ok(Box::new(Instrument { labels: label_text(attributes), ..self.clone() }))
            }
        }
    };
}

instrument!(CounterBase, adds, u64, add, |value| value as f64);
instrument!(UpDownCounterBase, adds, i64, add, |value| value as f64);
instrument!(GaugeBase, records, u64, set, |value| value as f64);
instrument!(GaugeF64Base, records, f64, set, |value| value);
instrument!(HistogramBase, records, u64, observe, |value| value as f64);
instrument!(HistogramF64Base, records, f64, observe, |value| value);
instrument!(HistogramDurationBase, records, Duration, observe, |value: Duration| value.as_secs_f64());

#[derive(Debug, Clone, Default)]
pub struct Meter {
    registry: Arc<Registry>,
}

impl Meter {
    /// All that was recorded, in Prometheus' text format.
    pub fn text(&self) -> String {
        self.registry.text()
    }

    fn instrument(&self, params: &MetricParameters, kind: Kind, suffix: &str, seconds: bool) -> Arc<Instrument> {
        let plain = params.name.replace('-', "_");
        let name = if plain.ends_with(suffix) { plain.clone() } else { format!("{plain}{suffix}") };
        let help = if params.description.is_empty() { name.replace('_', " ") } else { params.description.to_string() };
        let help = help.replace('\\', " ").replace('\n', " ");
        let bounds = default_buckets_for(plain.strip_prefix("temporal_").unwrap_or(&plain), seconds);
        self.registry.lock().entry(name.clone()).or_insert(Family { kind, help, bounds, series: BTreeMap::new() });
        Arc::new(Instrument { registry: self.registry.clone(), name, labels: String::new() })
    }
}

impl CoreMeter for Meter {
    fn new_attributes(&self, attribs: NewAttributes) -> MetricAttributes {
        MetricAttributes::Prometheus { labels: Arc::new(attribs.into()) }
    }

    fn extend_attributes(&self, existing: MetricAttributes, attribs: NewAttributes) -> MetricAttributes {
        let mut labels = match &existing {
            MetricAttributes::Prometheus { labels } => (**labels).clone(),
            _ => OrderedPromLabelSet::new(),
        };
        for pair in attribs.attributes {
            labels.add_kv(pair);
        }
        MetricAttributes::Prometheus { labels: Arc::new(labels) }
    }

    fn counter(&self, params: MetricParameters) -> Counter {
        Counter::new(self.instrument(&params, Kind::Counter, "_total", false))
    }

    fn histogram(&self, params: MetricParameters) -> Histogram {
        Histogram::new(self.instrument(&params, Kind::Histogram, "", false))
    }

    fn histogram_f64(&self, params: MetricParameters) -> HistogramF64 {
        HistogramF64::new(self.instrument(&params, Kind::Histogram, "", false))
    }

    fn histogram_duration(&self, params: MetricParameters) -> HistogramDuration {
        HistogramDuration::new(self.instrument(&params, Kind::Histogram, "_seconds", true))
    }

    fn gauge(&self, params: MetricParameters) -> Gauge {
        Gauge::new(self.instrument(&params, Kind::Gauge, "", false))
    }

    fn gauge_f64(&self, params: MetricParameters) -> GaugeF64 {
        GaugeF64::new(self.instrument(&params, Kind::Gauge, "", false))
    }

    fn up_down_counter(&self, params: MetricParameters) -> UpDownCounter {
        UpDownCounter::new(self.instrument(&params, Kind::Gauge, "", false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use temporalio_common::telemetry::metrics::MetricKeyValue;

    fn labelled(meter: &Meter, pairs: &[(&'static str, &'static str)]) -> MetricAttributes {
        meter.new_attributes(NewAttributes::from(pairs.iter().map(|(k, v)| MetricKeyValue::new(*k, *v))))
    }

    #[test]
    fn series_have_only_labels_of_ours() {
        let meter = Meter::default();
        let counter = meter.counter("temporal_tasks".into());
        for (value, times) in [("cmaw.run", 2), ("one \"letter\"\n", 1), ("another", 4)] {
            counter.add(times, &labelled(&meter, &[("workflow_type", value), ("namespace", "a\"b")]));
        }
        let text = meter.text();
        assert!(text.contains("# TYPE temporal_tasks_total counter\n"));
        assert!(text.contains("temporal_tasks_total{namespace=\"a_b\",workflow_type=\"cmaw.run\"} 2\n"));
        assert!(text.contains("temporal_tasks_total{namespace=\"a_b\",workflow_type=\"other\"} 5\n"));
        assert!(!text.contains("letter"));
    }

    #[test]
    fn series_are_bounded() {
        let meter = Meter::default();
        let gauge = meter.gauge("temporal_slots".into());
        for i in 0..SERIES_MAX + 10 {
            let attributes = meter.new_attributes(NewAttributes::from([MetricKeyValue::new("n", i as i64)]));
            gauge.record(1, &attributes);
        }
        assert_eq!(meter.text().lines().count(), SERIES_MAX + 2);
    }

    #[test]
    fn histograms_add_up() {
        let meter = Meter::default();
        let histogram = meter.histogram_duration("temporal_latency".into());
        for ms in [10, 700, 60_000] {
            histogram.record(Duration::from_millis(ms), &labelled(&meter, &[]));
        }
        let text = meter.text();
        assert!(text.contains("temporal_latency_seconds_bucket{le=\"0.05\"} 1\n"), "{text}");
        assert!(text.contains("temporal_latency_seconds_bucket{le=\"1\"} 2\n"));
        assert!(text.contains("temporal_latency_seconds_bucket{le=\"+Inf\"} 3\n"));
        assert!(text.contains("temporal_latency_seconds_count{} 3\n"));
        assert!(text.contains("temporal_latency_seconds_sum{} 60.71\n"));
    }
}
