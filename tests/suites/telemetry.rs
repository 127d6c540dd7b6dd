//! Telemetry as a collector receives it: real requests on loopback, decoded as the protocol buffers they are.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use engine::data::{Audit, Otlp};
use engine::{Call, Engine};
use engine_tests::wat;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use serde_json::json;

type Received = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// A collector that keeps what it gets.
fn collector() -> (String, Received) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let received = Received::default();
    let keep = received.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let keep = keep.clone();
            std::thread::spawn(move || answer(stream.unwrap(), &keep));
        }
    });
    (address, received)
}

/// Reads requests of HTTP/1.1 until the connection ends.
fn answer(stream: TcpStream, keep: &Received) {
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    loop {
        let mut request = String::new();
        if reader.read_line(&mut request).unwrap_or(0) == 0 {
            return;
        }
        let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut headers = HashMap::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            let Some((name, value)) = line.trim().split_once(':') else {
                break;
            };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        let length = headers.get("content-length").unwrap().parse().unwrap();
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        assert_eq!(
            headers.get("content-type").unwrap(),
            "application/x-protobuf"
        );
        keep.lock().unwrap().push((path, body));
        writer
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n")
            .unwrap();
    }
}

/// A run and its call are spans of one trace, the call inside the run; the call is counted, and every event is a
/// record with its trace. Arguments are not in any of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_collector_gets_spans_sums_and_records() {
    let (address, received) = collector();
    let otlp = Arc::new(Otlp::start(&address, Audit::Metadata).unwrap());
    let engine = Engine::builder().shared_sink(otlp.clone()).build().unwrap();
    let add = engine.load(wat("add")).await.unwrap();
    let good = engine
        .run(&add, Call::function("add", json!([20_001, 30_002])))
        .await;
    let bad = engine.run(&add, Call::function("sub", json!([1, 2]))).await;
    assert!(good.fault().is_none() && bad.fault().is_some());
    tokio::task::spawn_blocking(move || otlp.shutdown())
        .await
        .unwrap()
        .unwrap();

    let received = received.lock().unwrap();
    let at = |path: &str| -> Vec<&[u8]> {
        let of_path = received.iter().filter(|(found, _)| found == path);
        of_path.map(|(_, body)| body.as_slice()).collect()
    };
    let spans: Vec<_> = at("/v1/traces")
        .into_iter()
        .flat_map(|body| {
            ExportTraceServiceRequest::decode(body)
                .unwrap()
                .resource_spans
        })
        .flat_map(|resource| resource.scope_spans)
        .flat_map(|scope| scope.spans)
        .collect();
    assert_eq!(spans.len(), 3, "{spans:?}");
    let named = |name: &str| {
        spans
            .iter()
            .filter(|span| span.name == name)
            .collect::<Vec<_>>()
    };
    let (call, runs) = (named("add"), named("run add"));
    let trace = good.run().to_string().replace('-', "");
    let hex = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let run = runs.iter().find(|run| hex(&run.trace_id) == trace).unwrap();
    assert_eq!(
        (&call[0].trace_id, &call[0].parent_span_id),
        (&run.trace_id, &run.span_id)
    );
    assert!(run.parent_span_id.is_empty());
    assert!(run.start_time_unix_nano <= call[0].start_time_unix_nano);
    assert!(call[0].end_time_unix_nano <= run.end_time_unix_nano);
    let codes: Vec<i32> = runs
        .iter()
        .map(|run| run.status.as_ref().unwrap().code)
        .collect();
    assert!(codes.contains(&1) && codes.contains(&2), "{codes:?}");

    let metrics: Vec<String> = at("/v1/metrics")
        .into_iter()
        .flat_map(|body| {
            ExportMetricsServiceRequest::decode(body)
                .unwrap()
                .resource_metrics
        })
        .flat_map(|resource| resource.scope_metrics)
        .flat_map(|scope| scope.metrics)
        .map(|metric| metric.name)
        .collect();
    for name in ["engine.calls", "engine.fuel", "engine.call.duration"] {
        assert!(metrics.iter().any(|found| found == name), "{metrics:?}");
    }

    let records: Vec<_> = at("/v1/logs")
        .into_iter()
        .flat_map(|body| {
            ExportLogsServiceRequest::decode(body)
                .unwrap()
                .resource_logs
        })
        .flat_map(|resource| resource.scope_logs)
        .flat_map(|scope| scope.log_records)
        .collect();
    assert_eq!(
        records.len(),
        9,
        "six events of the good run, three of the bad"
    );
    assert!(records.iter().all(|record| record.trace_id.len() == 16));
    for (path, body) in received.iter() {
        let text = String::from_utf8_lossy(body);
        assert!(!text.contains("20001") && !text.contains("30002"), "{path}");
    }
}

/// A collector that is not there is told of once, and holds up nothing.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_collector_runs_go_on() {
    let otlp = Arc::new(Otlp::start("http://127.0.0.1:9", Audit::Full).unwrap());
    let engine = Engine::builder().shared_sink(otlp.clone()).build().unwrap();
    let add = engine.load(wat("add")).await.unwrap();
    let outcome = engine.run(&add, Call::function("add", json!([2, 3]))).await;
    assert_eq!(outcome.value().as_str(), "5");
    let sent = tokio::task::spawn_blocking(move || otlp.shutdown())
        .await
        .unwrap();
    assert_eq!(sent.unwrap_err().to_string(), "sending telemetry failed");
    let refused = Otlp::start("https://collector", Audit::Full).unwrap_err();
    assert_eq!(refused.code().as_str(), "E-INVALID-CONFIG");
}
