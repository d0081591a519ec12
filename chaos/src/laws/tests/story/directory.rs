//! Names and sessions.

use cameo_common::ids::NodeId;

use super::{Story, Told, id, key};
use crate::history::{EpochArg, Found, Key, LookUpArg, Op, RegisterArg, SessionArg};

impl Story {
    pub fn register(&mut self, name: &str, owner: u8, told: Told<()>) -> &mut Self {
        let arg = RegisterArg {
            request: id(self.client as u8),
            owner: key(owner),
            device: key(owner + 100),
        };
        self.asked(Key::user(name), arg, told, Op::Register)
    }

    pub fn look_up(&mut self, name: &str, owner: Option<u8>) -> &mut Self {
        let found = owner.map(|owner| Found {
            owner: key(owner),
            online: None,
            epoch: None,
        });
        let arg = LookUpArg { node: NodeId(1) };
        self.asked(Key::user(name), arg, Told::Ok(found), Op::LookUp)
    }

    pub fn online(&mut self, name: &str, owner: u8, epoch: u64) -> &mut Self {
        let found = Some(Found {
            owner: key(owner),
            online: Some(true),
            epoch: Some(epoch),
        });
        let arg = LookUpArg { node: NodeId(1) };
        self.asked(Key::user(name), arg, Told::Ok(found), Op::LookUp)
    }

    pub fn offline(&mut self, name: &str, owner: u8) -> &mut Self {
        let found = Some(Found {
            owner: key(owner),
            online: Some(false),
            epoch: None,
        });
        let arg = LookUpArg { node: NodeId(1) };
        self.asked(Key::user(name), arg, Told::Ok(found), Op::LookUp)
    }

    pub fn start(&mut self, name: &str, device: u8, told: Told<u64>) -> &mut Self {
        let arg = SessionArg {
            request: id(self.client as u8),
            device: key(device),
        };
        self.asked(Key::user(name), arg, told, Op::StartSession)
    }

    fn epoch(&mut self, epoch: u64) -> EpochArg {
        let request = id(self.client as u8);
        EpochArg { request, epoch }
    }

    pub fn keep_alive(&mut self, name: &str, epoch: u64, told: Told<()>) -> &mut Self {
        let arg = self.epoch(epoch);
        self.asked(Key::user(name), arg, told, Op::KeepAlive)
    }

    pub fn end(&mut self, name: &str, epoch: u64, told: Told<()>) -> &mut Self {
        let arg = self.epoch(epoch);
        self.asked(Key::user(name), arg, told, Op::EndSession)
    }

    pub fn report(&mut self, name: &str, epoch: u64, told: Told<bool>) -> &mut Self {
        let arg = self.epoch(epoch);
        self.asked(Key::user(name), arg, told, Op::ReportOffline)
    }
}
