//! Makes more header fields than a host of old could hold. (B10)
use wasip2::http::types::Fields;

fn main() {
    let entries: Vec<(String, Vec<u8>)> = (0..32_769)
        .map(|i| (format!("x-{i}"), b"v".to_vec()))
        .collect();
    println!("from-list {}", Fields::from_list(&entries).is_err());
    let fields = Fields::new();
    let refused = (0..100_000).find(|i| fields.append(&format!("x-{i}"), b"v").is_err());
    println!("append refused after {}", refused.is_some());
}
