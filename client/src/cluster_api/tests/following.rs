//! A client whose cluster's nodes change, and nodes that hide it or show another chain.

use cameo_common::descriptor_chain::{ChainError, DescriptorChain, KnownDescriptor};
use cameo_common::statements::NodeAddress;

use super::*;
use crate::cluster_api::mock_chain::{chain, mock};
use crate::error_kind::{Classified, ErrorKind};

/// What a home remembers, in memory.
#[derive(Default)]
struct Remembered(Mutex<Option<KnownDescriptor>>);

impl ChainMemory for Remembered {
    fn follow(&self, chain: &DescriptorChain) -> Result<(), FollowError> {
        let mut known = self.0.lock();
        if let Some(known) = &*known {
            chain.extends(known)?;
        }
        *known = Some(KnownDescriptor::of(chain.newest()));
        Ok(())
    }
}

/// A node that tells this chain, and where it serves; and how often it was asked for anything else.
struct Telling {
    url: String,
    told: Arc<Mutex<Descriptors>>,
    called: Arc<Mutex<usize>>,
}

impl Telling {
    async fn new(id: u64, descriptors: Descriptors) -> Self {
        let port = MockPort::bind().await;
        let (url, told) = (port.url.clone(), Arc::new(Mutex::new(descriptors)));
        let (shown, own, called) = (
            Arc::clone(&told),
            url.clone(),
            Arc::<Mutex<usize>>::default(),
        );
        let info = get(move || {
            let descriptors = shown.lock().clone();
            let cluster = descriptors.first.founds().unwrap();
            let address = NodeAddress {
                key: node_key(id).public(),
                cluster,
                url: own.clone(),
                stated: Millis(1),
            };
            std::future::ready(Json(ClusterInfo {
                schema: 1,
                cluster,
                descriptors,
                address: Signed::new(&node_key(id), address),
                nodes: vec![],
                now: clock::now(),
            }))
        });
        let count = Arc::clone(&called);
        let asked = get(move || {
            *count.lock() += 1;
            std::future::ready(Json(true))
        });
        let routes = Router::new()
            .route("/v1/cluster", info)
            .route("/v1/asked", asked);
        port.serve(id, routes);
        Self { url, told, called }
    }

    fn tells(&self, descriptors: Descriptors) {
        *self.told.lock() = descriptors;
    }

    fn calls(&self) -> usize {
        *self.called.lock()
    }
}

fn before() -> Descriptors {
    chain(&[&[1, 2, 3]])
}

/// Node 4 for node 1.
fn after() -> Descriptors {
    chain(&[&[1, 2, 3], &[2, 3, 4]])
}

/// Node 5 for node 1.
fn fork() -> Descriptors {
    chain(&[&[1, 2, 3], &[2, 3, 5]])
}

fn client(nodes: &[&Telling], memory: &Arc<Remembered>) -> ClusterApi {
    let pinned = Pinned {
        cluster: before().first.founds().unwrap(),
        nodes: nodes.iter().map(|node| node.url.clone()).collect(),
    };
    let device = Arc::new(SigningKey::from_seed([7; 32]));
    let memory: Arc<dyn ChainMemory> = memory.clone();
    ClusterApi::of_home(pinned, device, Duration::from_millis(600), memory).unwrap()
}

fn memory_of(descriptors: &Descriptors) -> Arc<Remembered> {
    let known = KnownDescriptor::of(descriptors.newest());
    Arc::new(Remembered(Mutex::new(Some(known))))
}

#[tokio::test]
async fn a_client_follows_the_nodes_as_they_change_and_remembers_the_newest() {
    // given a client of three nodes
    let nodes = [
        Telling::new(1, before()).await,
        Telling::new(2, before()).await,
    ];
    let memory = Arc::new(Remembered::default());
    let api = client(&[&nodes[0], &nodes[1]], &memory);
    let mut number = api.descriptor_number();
    assert_eq!(api.descriptor().await.unwrap().number, 0);
    // when one of them is replaced
    nodes.iter().for_each(|node| node.tells(after()));
    assert_eq!(api.newest_descriptor().await.unwrap(), *after().newest());
    // then the change is told and remembered
    assert!(number.has_changed().unwrap());
    assert_eq!(*number.borrow_and_update(), 1);
    assert_eq!(
        *memory.0.lock(),
        Some(KnownDescriptor::of(after().newest()))
    );
    // and the node that has left gets no calls, but for parts of older deals
    api.get::<bool>("/v1/asked".to_owned()).await.unwrap();
    assert_eq!((nodes[0].calls(), nodes[1].calls()), (0, 1));
    assert_eq!(
        api.server_of_key(&mock(1).key).await.unwrap().url,
        nodes[0].url
    );
    assert!(api.known_server(NodeId(1)).await.is_err());
}

#[tokio::test]
async fn attack_a_chain_that_ends_before_the_remembered_one_is_not_believed() {
    // given a home that knows of a change, and a node that tells the chain before it
    let old = Telling::new(2, before()).await;
    let memory = memory_of(&after());
    let api = client(&[&old], &memory);
    // then it is refused as an answer that is too old
    let error = api.info().await.unwrap_err();
    let expected = ClusterError::OlderChain {
        url: old.url.clone(),
        newest: 0,
        known: 1,
    };
    assert_eq!((&error, error.kind()), (&expected, ErrorKind::ClusterAway));
    assert!(api.nodes().descriptor().is_none());
    assert_eq!(
        *memory.0.lock(),
        Some(KnownDescriptor::of(after().newest()))
    );
    // and another node's answer is taken in its place
    let new = Telling::new(3, after()).await;
    let api = client(&[&old, &new], &memory);
    assert_eq!(api.descriptor().await.unwrap(), *after().newest());
}

#[tokio::test]
async fn attack_a_node_cannot_make_a_running_client_go_back() {
    let node = Telling::new(2, after()).await;
    let memory = Arc::new(Remembered::default());
    let api = client(&[&node], &memory);
    assert_eq!(api.descriptor().await.unwrap().number, 1);
    // when the node tells the chain before, or the home forgets
    node.tells(before());
    *memory.0.lock() = None;
    assert!(api.info().await.is_err());
    // then the client stays with the newest
    assert_eq!(api.newest_descriptor().await.unwrap(), *after().newest());
}

#[tokio::test]
async fn attack_a_fork_is_refused_loudly_and_never_remembered() {
    // given a home that knows one chain, and a node that shows another that is signed as well
    let liar = Telling::new(2, fork()).await;
    let memory = memory_of(&after());
    let api = client(&[&liar], &memory);
    let error = api.info().await.unwrap_err();
    let expected = ClusterError::Fork {
        url: liar.url.clone(),
        number: 1,
    };
    assert_eq!((&error, error.kind()), (&expected, ErrorKind::Untrusted));
    assert!(
        error
            .to_string()
            .contains("this home stays with the nodes that it knows")
    );
    assert!(!error.is_passing());
    // then nothing of it is remembered
    assert!(api.nodes().descriptor().is_none());
    assert_eq!(
        *memory.0.lock(),
        Some(KnownDescriptor::of(after().newest()))
    );
    // and a node that shows the known chain is still taken
    let honest = Telling::new(3, after()).await;
    let api = client(&[&liar, &honest], &memory);
    assert_eq!(api.descriptor().await.unwrap(), *after().newest());
    assert_eq!(api.newest_descriptor().await.unwrap(), *after().newest());
}

#[tokio::test]
async fn attack_a_fork_is_told_though_another_node_is_only_behind() {
    let (liar, old) = (
        Telling::new(2, fork()).await,
        Telling::new(3, before()).await,
    );
    let api = client(&[&liar, &old], &memory_of(&after()));
    let error = api.info().await.unwrap_err();
    assert!(matches!(error, ClusterError::Fork { .. }), "{error}");
}

#[tokio::test]
async fn attack_a_longer_chain_without_signatures_is_not_followed() {
    // given a node that makes the chain longer by its own word
    let mut forged = before();
    let mut link = after().links.remove(0);
    link.voters.truncate(1);
    forged.links.push(link);
    let liar = Telling::new(2, forged).await;
    let honest = Telling::new(1, before()).await;
    let memory = Arc::new(Remembered::default());
    let api = client(&[&liar, &honest], &memory);
    // then the other node's chain is taken
    assert_eq!(api.newest_descriptor().await.unwrap().number, 0);
    assert_eq!(
        *memory.0.lock(),
        Some(KnownDescriptor::of(before().newest()))
    );
}

#[tokio::test]
async fn a_home_that_cannot_remember_the_nodes_sends_them_nothing() {
    struct Broken;
    impl ChainMemory for Broken {
        fn follow(&self, _: &DescriptorChain) -> Result<(), FollowError> {
            Err(FollowError::Memory("the disk is full".to_owned()))
        }
    }
    let node = Telling::new(2, after()).await;
    let pinned = Pinned {
        cluster: before().first.founds().unwrap(),
        nodes: vec![node.url.clone()],
    };
    let device = Arc::new(SigningKey::from_seed([7; 32]));
    let deadline = Duration::from_millis(600);
    let api = ClusterApi::of_home(pinned, device, deadline, Arc::new(Broken)).unwrap();
    let error = api.get::<bool>("/v1/asked".to_owned()).await.unwrap_err();
    assert!(error.to_string().contains("the disk is full"), "{error}");
    assert_eq!(node.calls(), 0);
}

#[test]
fn an_error_of_a_chain_is_the_calls_error() {
    let ends = ChainError::Older {
        newest: 1,
        known: 2,
    };
    let older = FollowError::from(ends).at("u");
    assert!(older.is_passing());
    assert!(older.to_string().contains("knows of 1 changes"), "{older}");
    assert!(matches!(
        FollowError::from(ChainError::Malformed).at("u"),
        ClusterError::Protocol { .. }
    ));
}
