use std::time::Duration;

use super::*;
use crate::cli::wan::Shape;

fn link(delay_ms: u64) -> Arc<Link> {
    Arc::new(Link::new(Shape { delay: Duration::from_millis(delay_ms), ..Shape::default() }))
}

/// A pump over in-memory pipes: its entry and its exit.
fn pumped(link: Arc<Link>) -> (tokio::io::DuplexStream, tokio::io::DuplexStream) {
    let (entry, mut from) = tokio::io::duplex(1 << 16);
    let (mut to, exit) = tokio::io::duplex(1 << 16);
    host::spawn(async move { pump(&mut from, &mut to, &link).await });
    (entry, exit)
}

#[tokio::test(start_paused = true)]
async fn bytes_arrive_in_order_after_the_delay() {
    let (mut entry, mut exit) = pumped(link(40));
    let start = host::now();
    entry.write_all(b"first ").await.unwrap();
    tokio::time::sleep(Duration::from_millis(10)).await;
    entry.write_all(b"second").await.unwrap();
    let mut read = [0; 12];
    exit.read_exact(&mut read[..6]).await.unwrap();
    assert_eq!(start.elapsed().as_millis(), 40);
    exit.read_exact(&mut read[6..]).await.unwrap();
    assert_eq!(start.elapsed().as_millis(), 50);
    assert_eq!(&read, b"first second");
}

#[tokio::test(start_paused = true)]
async fn a_cut_holds_bytes_and_a_heal_delivers_them() {
    let link = link(40);
    let (mut entry, mut exit) = pumped(link.clone());
    link.set_mode(LinkMode::Cut);
    entry.write_all(b"held").await.unwrap();
    let mut read = [0; 4];
    let hung = tokio::time::timeout(Duration::from_secs(60), exit.read_exact(&mut read)).await;
    assert!(hung.is_err(), "bytes passed a cut link");
    link.set_mode(LinkMode::Up);
    exit.read_exact(&mut read).await.unwrap();
    assert_eq!(&read, b"held");
}

#[tokio::test(start_paused = true)]
async fn the_end_arrives_after_the_last_byte() {
    let (mut entry, mut exit) = pumped(link(40));
    entry.write_all(b"bye").await.unwrap();
    drop(entry);
    let mut read = Vec::new();
    exit.read_to_end(&mut read).await.unwrap();
    assert_eq!(read, b"bye");
}

#[tokio::test]
async fn a_reset_breaks_connections_and_refuses_new_ones() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (there, back) = (link(0), link(0));
    let target = server.local_addr().unwrap().to_string();
    let proxy = Proxy::start(target, there.clone(), back).await.unwrap();
    let mut caller = TcpStream::connect(proxy.address()).await.unwrap();
    let (mut callee, _) = server.accept().await.unwrap();
    caller.write_all(b"x").await.unwrap();
    callee.read_u8().await.unwrap();
    there.set_mode(LinkMode::Reset);
    assert_eq!(caller.read(&mut [0; 1]).await.unwrap_or(0), 0);
    let mut refused = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(refused.read(&mut [0; 1]).await.unwrap_or(0), 0);
}
