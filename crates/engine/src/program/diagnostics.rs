//! SIGNAL and GET DIAGNOSTICS outside of stored programs.

use syntax::ast;
use values::OwnedValue;

use super::Place;
use super::condition::{self, ConditionTest, Level};
use super::run::read_diagnostics;
use crate::bind::Binder;
use crate::context::Context;
use crate::env::Env;
use crate::error::{Error, Result};
use crate::result::{Done, ResultSink};
use crate::session::Session;

impl Session {
    fn alone(&self, e: &ast::Expr, text: &[u8]) -> Result<OwnedValue> {
        let modes = self.modes();
        let mut binder = Binder::new(self, &modes, text);
        let t = binder.bind_alone(e)?;
        let views = self.open_views(&binder.tables, false)?;
        let cx = Context::new(self, &[], views);
        Ok(t.expr.eval(&Env::new(0, None, &cx))?.into_owned())
    }

    /// SIGNAL as a statement of the client.
    pub(crate) fn signal(
        &self,
        s: &ast::Signal,
        text: &[u8],
        sink: &mut dyn ResultSink,
        more: bool,
    ) -> Result<()> {
        let test = match &s.condition {
            Some(c) => ConditionTest::of(c)?,
            None => return Err(Error::inactive_handler()),
        };
        let ConditionTest::State(state) = test else {
            return Err(Error::general("SIGNAL needs a SQLSTATE"));
        };
        let mut c = condition::signalled(state);
        for (name, e) in &s.set {
            condition::set_item(&mut c, name, &self.alone(e, text)?)?;
        }
        if c.level == Level::Error {
            let error = c.error.clone();
            self.set_raised(c);
            return Err(error);
        }
        self.push_condition(c);
        self.done(sink, Done::default(), more)
    }

    /// GET DIAGNOSTICS as a statement of the client: into user variables.
    pub(crate) fn get_diagnostics(&self, g: &ast::GetDiagnostics, text: &[u8]) -> Result<()> {
        if g.stacked {
            return Err(Error::no_handler());
        }
        let number = match &g.condition {
            None => None,
            Some(e) => Some(self.alone(e, text)?),
        };
        let mut items = Vec::with_capacity(g.items.len());
        for (target, name) in &g.items {
            match target {
                ast::IntoTarget::User(v) => items.push((Place::User(v.clone()), name.clone())),
                ast::IntoTarget::Local(v) => return Err(Error::undeclared(&**v)),
            }
        }
        for (place, v) in read_diagnostics(self, &self.conditions(), number, &items)? {
            if let Place::User(name) = place {
                self.set_user_variable(&name, v);
            }
        }
        Ok(())
    }
}
