//! Tries one operation on one path in the first granted directory, and says what came of it. (C rows)
use wasip2::clocks::wall_clock::Datetime;
use wasip2::filesystem::preopens::get_directories;
use wasip2::filesystem::types::{Descriptor, DescriptorFlags, NewTimestamp, OpenFlags, PathFlags};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let directories = get_directories();
    let (root, _) = &directories[0];
    let other = directories.get(1).map_or(root, |(other, _)| other);
    for pair in args.chunks(2) {
        let [operation, path] = pair else {
            panic!("operation and path")
        };
        // What no command line can carry.
        let path = path
            .replace("<nul>", "\0")
            .replace("<long>", &"x".repeat(64 << 10))
            .replace("<deep>", &"a/".repeat(4000));
        println!(
            "{operation} {}: {}",
            path.get(..path.len().min(60)).unwrap_or("?").escape_debug(),
            attempt(root, other, operation, &path)
        );
    }
}

fn attempt(root: &Descriptor, other: &Descriptor, operation: &str, path: &str) -> String {
    let follow = PathFlags::SYMLINK_FOLLOW;
    let time = NewTimestamp::Timestamp(Datetime {
        seconds: 1,
        nanoseconds: 0,
    });
    let done = match operation {
        "read" => root
            .open_at(follow, path, OpenFlags::empty(), DescriptorFlags::READ)
            .and_then(|file| file.read(1 << 16, 0))
            .map(|(bytes, _)| String::from_utf8_lossy(&bytes).into_owned()),
        "read-nofollow" => root
            .open_at(
                PathFlags::empty(),
                path,
                OpenFlags::empty(),
                DescriptorFlags::READ,
            )
            .and_then(|file| file.read(1 << 16, 0))
            .map(|(bytes, _)| String::from_utf8_lossy(&bytes).into_owned()),
        "stat" => root
            .stat_at(follow, path)
            .map(|stat| format!("{:?}", stat.type_)),
        "list" => root
            .open_at(follow, path, OpenFlags::DIRECTORY, DescriptorFlags::READ)
            .and_then(|directory| directory.read_directory())
            .map(|_| "listed".into()),
        "create" => root
            .open_at(follow, path, OpenFlags::CREATE, DescriptorFlags::WRITE)
            .and_then(|file| file.write(b"overwritten", 0))
            .map(|_| "written".into()),
        "truncate" => root
            .open_at(follow, path, OpenFlags::TRUNCATE, DescriptorFlags::READ)
            .map(|_| "truncated".into()),
        "append" => root
            .open_at(follow, path, OpenFlags::empty(), DescriptorFlags::READ)
            .and_then(|file| file.append_via_stream())
            .map(|_| "appended".into()),
        "set-size" => root
            .open_at(follow, path, OpenFlags::empty(), DescriptorFlags::READ)
            .and_then(|file| file.set_size(0))
            .map(|_| "cut".into()),
        "set-times" => root
            .open_at(follow, path, OpenFlags::empty(), DescriptorFlags::READ)
            .and_then(|file| file.set_times(time, time))
            .map(|_| "dated".into()),
        "set-times-at" => root
            .set_times_at(follow, path, time, time)
            .map(|_| "dated".into()),
        "mkdir" => root.create_directory_at(path).map(|_| "made".into()),
        "rmdir" => root.remove_directory_at(path).map(|_| "removed".into()),
        "unlink" => root.unlink_file_at(path).map(|_| "removed".into()),
        "readlink" => root.readlink_at(path),
        "symlink" => root.symlink_at("../secret", path).map(|_| "linked".into()),
        "symlink-to" => root
            .symlink_at(path, "made-by-guest")
            .map(|_| "linked".into()),
        "link-from" => root
            .link_at(PathFlags::empty(), path, other, "linked")
            .map(|_| "linked".into()),
        "link-to" => root
            .link_at(PathFlags::empty(), "inside", other, path)
            .map(|_| "linked".into()),
        "rename-from" => root.rename_at(path, other, "moved").map(|_| "moved".into()),
        "rename-to" => root
            .rename_at("inside", other, path)
            .map(|_| "moved".into()),
        "hash" => root.metadata_hash_at(follow, path).map(|_| "hashed".into()),
        other => panic!("no operation {other}"),
    };
    match done {
        Ok(result) => format!("ok {result}"),
        Err(error) => error.name().to_owned(),
    }
}
