//! Opens a file 100,000 times: and keeps it, or keeps only a stream of it. (B19)
use wasip2::filesystem::preopens::get_directories;
use wasip2::filesystem::types::{DescriptorFlags, OpenFlags, PathFlags};

fn main() {
    let streams = std::env::args().nth(1).as_deref() == Some("streams");
    let directories = get_directories();
    let (root, _) = &directories[0];
    let mut kept = Vec::new();
    let mut kept_streams = Vec::new();
    for i in 0..100_000 {
        let file = match root.open_at(
            PathFlags::empty(),
            "file",
            OpenFlags::empty(),
            DescriptorFlags::READ,
        ) {
            Ok(file) => file,
            Err(error) => {
                println!("{i}: {error:?}");
                return;
            }
        };
        if streams {
            kept_streams.push(file.read_via_stream(0).unwrap());
        } else {
            kept.push(file);
        }
    }
    println!("{} {}", kept.len(), kept_streams.len());
}
