//! What a monitor asks of a server: Prometheus' text format at `/metrics` (spec 07 §18).
//!
//! Names and meanings are those of `dolt sql-server`; `dss_chunk_cache_*` are ours.

use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use engine::instance::CacheFigures;

use crate::backend::Backend;

/// Upper bounds of the buckets of query durations, in seconds.
const BUCKETS: [f64; 6] = [0.01, 0.1, 1.0, 10.0, 100.0, 1000.0];
/// Longest request that is read.
const MOST_REQUEST: usize = 16 << 10;
/// Time for a request and for its answer.
const TIMEOUT: Duration = Duration::from_secs(2);
/// The release whose behaviour this one has (`dss_dolt_version`).
const DOLT_VERSION: [u32; 3] = [2, 3, 1];

/// Where metrics are served.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetricsConfig {
    /// Constant labels of every metric.
    pub labels: Vec<(String, String)>,
    /// Address; nothing is served without one.
    pub host: String,
    /// Port; nothing is served at one that is not positive.
    pub port: i64,
    /// Certificate and key for TLS.
    pub tls_cert: Option<PathBuf>,
    /// See `tls_cert`.
    pub tls_key: Option<PathBuf>,
    /// Verifies clients' certificates.
    pub tls_ca: Option<PathBuf>,
    /// Tokens were asked for, which are not supported.
    pub wants_tokens: bool,
}

impl MetricsConfig {
    /// Whether anything is served.
    pub fn is_served(&self) -> bool {
        !self.host.is_empty() && self.port > 0
    }
}

/// What a server counts.
#[derive(Debug, Default)]
pub struct Metrics {
    connects: AtomicU64,
    disconnects: AtomicU64,
    queries: AtomicI64,
    /// Queries by the bucket they fall into; the last is beyond all bounds.
    durations: [AtomicU64; BUCKETS.len() + 1],
    nanoseconds: AtomicU64,
}

impl Metrics {
    /// A client has been let in, or not yet.
    pub fn connected(&self) {
        self.connects.fetch_add(1, Ordering::Relaxed);
    }

    /// Its connection has ended.
    pub fn disconnected(&self) {
        self.disconnects.fetch_add(1, Ordering::Relaxed);
    }

    /// A query begins.
    pub fn query_started(&self) -> Instant {
        self.queries.fetch_add(1, Ordering::Relaxed);
        Instant::now()
    }

    /// A query that began then has ended.
    pub fn query_completed(&self, started: Instant) {
        self.queries.fetch_sub(1, Ordering::Relaxed);
        self.count(started.elapsed());
    }

    fn count(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = BUCKETS.iter().position(|most| seconds <= *most);
        self.durations[bucket.unwrap_or(BUCKETS.len())].fetch_add(1, Ordering::Relaxed);
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }
}

/// Answers monitors until the server stops.
pub struct MetricsServer {
    listener: TcpListener,
    tls: Option<Arc<rustls::ServerConfig>>,
    labels: Vec<(String, String)>,
    metrics: Arc<Metrics>,
    /// The databases, which are closed when the server stops.
    backend: Weak<dyn Backend>,
    data_dir: PathBuf,
    processor: ProcessorTime,
}

impl MetricsServer {
    /// Listens at an address.
    pub fn listen(
        address: SocketAddr,
        config: &MetricsConfig,
        tls: Option<Arc<rustls::ServerConfig>>,
        metrics: Arc<Metrics>,
        backend: &Arc<dyn Backend>,
        data_dir: PathBuf,
    ) -> io::Result<MetricsServer> {
        Ok(MetricsServer {
            listener: TcpListener::bind(address)?,
            tls,
            labels: config.labels.clone(),
            metrics,
            backend: Arc::downgrade(backend),
            data_dir,
            processor: ProcessorTime::now(),
        })
    }

    /// Answers one request after the other. The process ends it.
    pub fn run(mut self) {
        loop {
            match self.listener.accept() {
                // Whoever does not understand the answer asks again.
                Ok((socket, _)) => drop(self.serve(socket)),
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }

    fn serve(&mut self, socket: TcpStream) -> io::Result<()> {
        socket.set_read_timeout(Some(TIMEOUT))?;
        socket.set_write_timeout(Some(TIMEOUT))?;
        match self.tls.clone() {
            Some(tls) => {
                let session = rustls::ServerConnection::new(tls).map_err(io::Error::other)?;
                let mut stream = rustls::StreamOwned::new(session, socket);
                self.answer(&mut stream)?;
                stream.conn.send_close_notify();
                stream.flush()
            }
            None => self.answer(&mut &socket),
        }
    }

    fn answer(&mut self, stream: &mut (impl Read + Write)) -> io::Result<()> {
        let (status, body) = match read_path(stream)? {
            Some(path) if path == "/metrics" => ("200 OK", self.text()),
            Some(_) => ("404 Not Found", "404 page not found\n".to_string()),
            None => ("400 Bad Request", "400 Bad Request\n".to_string()),
        };
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body.as_bytes())?;
        stream.flush()
    }

    /// All metrics in Prometheus' text format.
    fn text(&mut self) -> String {
        let mut page = Page {
            labels: &self.labels,
            out: String::new(),
        };
        let m = &self.metrics;
        let connects = m.connects.load(Ordering::Relaxed);
        let disconnects = m.disconnects.load(Ordering::Relaxed);
        let open = connects.saturating_sub(disconnects) as f64;
        let running = m.queries.load(Ordering::Relaxed).max(0) as f64;
        page.counter("dss_connects", "Count of server connects", connects as f64);
        page.counter(
            "dss_disconnects",
            "Count of server disconnects",
            disconnects as f64,
        );
        page.gauge(
            "dss_concurrent_connections",
            "Number of clients concurrently connected to this instance of dolt sql server",
            open,
        );
        page.gauge(
            "dss_concurrent_queries",
            "Number of queries concurrently being run on this instance of dolt sql server",
            running,
        );
        page.durations(m);
        let [major, minor, build] = DOLT_VERSION;
        page.gauge(
            "dss_dolt_version",
            "The version of dolt currently running on the machine",
            f64::from(major << 24 | minor << 16 | build),
        );
        let backend = self.backend.upgrade();
        let cache = backend.map_or_else(CacheFigures::default, |b| b.cache_figures());
        page.gauge(
            "dss_chunk_cache_bytes",
            "Bytes of tree nodes that the caches of all databases hold",
            cache.bytes as f64,
        );
        page.gauge(
            "dss_chunk_cache_limit_bytes",
            "Bytes of tree nodes that the caches of all databases may hold",
            cache.limit as f64,
        );
        page.counter(
            "dss_chunk_cache_hits",
            "Nodes that were found in a cache",
            cache.hits as f64,
        );
        page.counter(
            "dss_chunk_cache_misses",
            "Nodes that had to be read",
            cache.misses as f64,
        );
        let now = ProcessorTime::now();
        if let Some(percent) = now.since(&self.processor) {
            page.gauge(
                "sys_cpu_usage",
                "The percentage of CPU used by the system",
                percent,
            );
            self.processor = now;
        }
        if let Ok(disk) = rustix::fs::statvfs(&self.data_dir)
            && disk.f_blocks > 0
        {
            let used = disk.f_blocks.saturating_sub(disk.f_bfree) as f64;
            let usable = used + disk.f_bavail as f64;
            page.gauge(
                "sys_disk_usage",
                "The percentage of disk used by the system",
                100.0 * used / usable.max(1.0),
            );
        }
        if let Some(percent) = memory_in_use() {
            page.gauge(
                "sys_mem_usage",
                "The percentage of memory used by the system",
                percent,
            );
        }
        page.out
    }
}

/// The path that a request asks for; none if it is not a GET that can be understood.
fn read_path(stream: &mut impl Read) -> io::Result<Option<String>> {
    let mut request = Vec::new();
    let mut part = [0; 1024];
    while !request.windows(4).any(|w| w == b"\r\n\r\n") {
        let n = stream.read(&mut part)?;
        if n == 0 || request.len() + n > MOST_REQUEST {
            return Ok(None);
        }
        request.extend_from_slice(&part[..n]);
    }
    let text = String::from_utf8_lossy(&request);
    let mut words = text.lines().next().unwrap_or("").split(' ');
    let (Some("GET"), Some(target)) = (words.next(), words.next()) else {
        return Ok(None);
    };
    let path = target.split('?').next().unwrap_or(target);
    Ok(Some(path.to_string()))
}

/// A page of metrics as it is written.
struct Page<'a> {
    labels: &'a [(String, String)],
    out: String,
}

impl Page<'_> {
    fn counter(&mut self, name: &str, help: &str, value: f64) {
        self.head(name, help, "counter");
        self.value(name, None, value);
    }

    fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.head(name, help, "gauge");
        self.value(name, None, value);
    }

    fn durations(&mut self, metrics: &Metrics) {
        let name = "dss_query_duration";
        self.head(
            name,
            "Histogram of dolt sql server query runtimes",
            "histogram",
        );
        let mut sum = 0;
        let bounds = BUCKETS.iter().map(f64::to_string);
        let bounds = bounds.chain(std::iter::once("+Inf".to_string()));
        for (bound, count) in bounds.zip(&metrics.durations) {
            sum += count.load(Ordering::Relaxed);
            self.value(&format!("{name}_bucket"), Some(("le", &bound)), sum as f64);
        }
        let nanoseconds = metrics.nanoseconds.load(Ordering::Relaxed);
        self.value(&format!("{name}_sum"), None, nanoseconds as f64 / 1e9);
        self.value(&format!("{name}_count"), None, sum as f64);
    }

    fn head(&mut self, name: &str, help: &str, kind: &str) {
        let _ = writeln!(self.out, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn value(&mut self, name: &str, own: Option<(&str, &str)>, value: f64) {
        let constant = self.labels.iter().map(|(k, v)| (k.as_str(), v.as_str()));
        let labels: Vec<String> = constant
            .chain(own)
            .map(|(k, v)| {
                let v = v.replace('\\', "\\\\").replace('"', "\\\"");
                format!("{k}=\"{}\"", v.replace('\n', "\\n"))
            })
            .collect();
        let _ = match labels.is_empty() {
            true => writeln!(self.out, "{name} {value}"),
            false => writeln!(self.out, "{name}{{{}}} {value}", labels.join(",")),
        };
    }
}

/// Ticks of all processors since the machine started.
struct ProcessorTime(Option<(u64, u64)>);

impl ProcessorTime {
    fn now() -> ProcessorTime {
        let text = std::fs::read_to_string("/proc/stat").unwrap_or_default();
        let first = text.lines().next().unwrap_or("");
        let ticks = first.split_whitespace().skip(1).map(str::parse::<u64>);
        let ticks: Vec<u64> = ticks.map_while(Result::ok).collect();
        // user nice system idle iowait ...
        let idle = ticks.iter().skip(3).take(2).sum();
        ProcessorTime((ticks.len() > 4).then(|| (ticks.iter().take(8).sum(), idle)))
    }

    /// The part that was used since then, in percent.
    fn since(&self, earlier: &ProcessorTime) -> Option<f64> {
        let ((total, idle), (total_then, idle_then)) = (self.0?, earlier.0?);
        let all = total.saturating_sub(total_then);
        let unused = idle.saturating_sub(idle_then);
        Some(100.0 * all.saturating_sub(unused) as f64 / all.max(1) as f64)
    }
}

/// Memory that is not available, in percent.
fn memory_in_use() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let read = |name: &str| -> Option<f64> {
        let line = text.lines().find_map(|l| l.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    let (total, available) = (read("MemTotal:")?, read("MemAvailable:")?);
    Some(100.0 * (total - available) / total.max(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(labels: &[(String, String)]) -> Page<'_> {
        Page {
            labels,
            out: String::new(),
        }
    }

    #[test]
    fn durations_add_up_from_bucket_to_bucket() {
        let metrics = Metrics::default();
        for ms in [0, 20, 300, 400] {
            metrics.count(Duration::from_millis(ms));
        }
        let labels = [("site".to_string(), "a\"b".to_string())];
        let mut page = page(&labels);
        page.durations(&metrics);
        for line in [
            "# TYPE dss_query_duration histogram",
            "dss_query_duration_bucket{site=\"a\\\"b\",le=\"0.01\"} 1",
            "dss_query_duration_bucket{site=\"a\\\"b\",le=\"0.1\"} 2",
            "dss_query_duration_bucket{site=\"a\\\"b\",le=\"1\"} 4",
            "dss_query_duration_bucket{site=\"a\\\"b\",le=\"+Inf\"} 4",
            "dss_query_duration_count{site=\"a\\\"b\"} 4",
        ] {
            assert!(page.out.lines().any(|l| l == line), "{line}\n{}", page.out);
        }
    }

    #[test]
    fn requests_are_told_apart() {
        let path = |request: &str| read_path(&mut request.as_bytes()).expect("bytes in memory");
        let get = "GET /metrics?x=1 HTTP/1.1\r\nHost: a\r\n\r\n";
        assert_eq!(path(get).as_deref(), Some("/metrics"));
        assert_eq!(path("POST /metrics HTTP/1.1\r\n\r\n"), None);
        assert_eq!(path("GET /metrics HTTP/1.1\r\n"), None);
        let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(MOST_REQUEST));
        assert_eq!(path(&long), None);
    }
}
