//! Tries every way to the network, and says what the host answered. (B23, and the refusals of HTTP)
use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{Fields, Method, OutgoingRequest, Scheme};
use wasip2::sockets::instance_network::instance_network;
use wasip2::sockets::ip_name_lookup::resolve_addresses;
use wasip2::sockets::network::IpAddressFamily;
use wasip2::sockets::tcp_create_socket::create_tcp_socket;
use wasip2::sockets::udp_create_socket::create_udp_socket;

fn main() {
    println!(
        "tcp {:?}",
        create_tcp_socket(IpAddressFamily::Ipv4)
            .map_err(|error| error.name())
            .map(|_| ())
    );
    println!(
        "udp {:?}",
        create_udp_socket(IpAddressFamily::Ipv6)
            .map_err(|error| error.name())
            .map(|_| ())
    );
    println!(
        "name {:?}",
        resolve_addresses(&instance_network(), "secret.example.test")
            .map_err(|error| error.name())
            .map(|_| ())
    );
    for authority in std::env::args().skip(1) {
        request(&authority);
    }
}

fn request(authority: &str) {
    let request = OutgoingRequest::new(Fields::new());
    request.set_method(&Method::Post).unwrap();
    request.set_scheme(Some(&Scheme::Http)).unwrap();
    if request.set_authority(Some(authority)).is_err() {
        println!("http no authority");
        return;
    }
    request.set_path_with_query(Some("/steal?all=1")).unwrap();
    match handle(request, None) {
        Ok(response) => {
            response.subscribe().block();
            println!("http {:?}", response.get().unwrap().unwrap().map(|_| ()));
        }
        Err(error) => println!("http refused {error:?}"),
    }
}
