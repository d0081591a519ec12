//! Watch over the nodes' processes: none ends by itself.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::may_end::End;
use super::world::World;

/// Time between two looks.
const EVERY: Duration = Duration::from_millis(200);

/// Notes each node that ends although nobody ended it, and starts it again, as an init system
/// would. Until it is dropped.
pub async fn guard(world: Arc<World>) {
    loop {
        for member in world.members.all() {
            // A fault that holds the process has it in hand.
            let Ok(mut node) = member.node.try_lock() else {
                continue;
            };
            let ended = node.process.as_mut().and_then(|process| process.ended());
            let end = member.may_end.end();
            let Some(status) = ended.filter(|_| end != End::InHand) else {
                continue;
            };
            node.process = None;
            drop(node);
            let last = member.log_end();
            let what = format!("node {} ended by itself with {status}:\n{last}", member.id);
            if end == End::Fault {
                world.complain(what);
            } else {
                eprintln!("{:7.1} s  late: {what}", world.age().as_secs_f64());
            }
            if let Err(why) = member.launch().await {
                world.complain(why.to_string());
            }
        }
        sleep(EVERY).await;
    }
}
