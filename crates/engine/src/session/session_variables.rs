//! Variables of a session, and what follows from them.

use super::*;

impl Session {
    /// What the variables mean now.
    pub(crate) fn settings(&self) -> Arc<SessionSettings> {
        if let Some(settings) = &*self.settings.borrow() {
            return settings.clone();
        }
        let known = self.modes.borrow().clone();
        let settings = {
            let own = self.variables.borrow();
            let variable = |name: &str| self.variable(name);
            SessionSettings::read(variable, own.get("timestamp"), known.as_ref())
        };
        let settings = Arc::new(settings);
        *self.modes.borrow_mut() = Some(settings.modes.clone());
        *self.settings.borrow_mut() = Some(settings.clone());
        settings
    }

    pub(crate) fn variables_changed(&self) {
        *self.settings.borrow_mut() = None;
    }

    /// Parts of sql_mode that conversions heed.
    pub fn conversion_modes(&self) -> ConversionModes {
        self.settings().conversion
    }

    /// `@@foreign_key_checks`.
    pub fn foreign_key_checks(&self) -> bool {
        self.settings().foreign_key_checks
    }

    /// Settings that decide the meaning of statements.
    pub fn modes(&self) -> Arc<Modes> {
        self.settings().modes.clone()
    }

    /// The session's value of a system variable; NULL when there is none.
    pub fn variable(&self, name: &str) -> OwnedValue {
        if let Some(v) = self.variables.borrow().get(name) {
            return v.clone();
        }
        let Some(v) = variables::lookup(name) else {
            return self.instance.global(name).unwrap_or(Value::Null);
        };
        // A session starts with the global values of the moment and keeps them.
        let set = match v.session {
            true => self.globals.borrow().get(v.name).cloned(),
            false => self.instance.global(v.name),
        };
        set.unwrap_or_else(|| v.default_value())
    }

    /// `@@name`, `@@global.name`.
    pub fn system_variable(&self, scope: Option<VarScope>, name: &str) -> Result<OwnedValue> {
        let lower = name.to_ascii_lowercase();
        if let Some(v) = self.branch_variable(&lower)? {
            return Ok(v);
        }
        let v = variables::lookup(&lower).ok_or_else(|| Error::unknown_variable(name))?;
        let global = matches!(scope, Some(VarScope::Global | VarScope::Persist));
        if global && !v.global {
            return Err(Error::session_variable(name));
        }
        if scope == Some(VarScope::Session) && !v.session {
            return Err(Error::global_variable(name));
        }
        if global {
            return Ok(self
                .instance
                .global(v.name)
                .unwrap_or_else(|| v.default_value()));
        }
        Ok(match v.name {
            "last_insert_id" | "identity" => Value::UInt(self.last_insert_id()),
            "warning_count" => Value::UInt(self.condition_count.get()),
            "error_count" => {
                let list = self.diagnostics.borrow();
                let errors = list.iter().filter(|c| c.level == Level::Error);
                Value::UInt(errors.count() as u64)
            }
            "pseudo_thread_id" => Value::UInt(u64::from(self.id)),
            "timestamp" => Value::Float(self.statement_time().1 as f64 / 1e6),
            "tx_isolation" => self.variable("transaction_isolation"),
            "character_set_database" | "collation_database" => self.database_collation(v.name),
            _ => self.variable(v.name),
        })
    }

    fn database_collation(&self, name: &str) -> OwnedValue {
        let id = self
            .current_database()
            .and_then(|db| self.resolve_database(&db).ok())
            .and_then(|db| self.root_of(&db).ok())
            .map_or(CollationId::DEFAULT, |r| r.root.collation());
        let c = id.get();
        Value::text(if name.starts_with("coll") {
            c.name
        } else {
            c.charset.name
        })
    }

    /// `@@db_head`, `@@db_working` and their kin (spec 04 §7).
    fn branch_variable(&self, name: &str) -> Result<Option<OwnedValue>> {
        for suffix in [
            "_head_ref",
            "_default_branch",
            "_working",
            "_staged",
            "_head",
        ] {
            let Some(db) = name.strip_suffix(suffix) else {
                continue;
            };
            let Ok(found) = self.resolve_database(db) else {
                continue;
            };
            let state = |branch: &str| found.handle.branch_state(branch);
            let value = match (&found.revision, suffix) {
                (_, "_default_branch") => {
                    let v = self.instance.global(name).unwrap_or_else(|| {
                        Value::text(found.handle.store.repo_state().branch().to_string())
                    });
                    return Ok(Some(v));
                }
                (Revision::Branch(b), "_head_ref") => format!("refs/heads/{b}"),
                (Revision::Branch(_), "_head") => {
                    let head = crate::dolt::seen_head(self, &found);
                    head.map_or(String::new(), |c| c.hash().to_string())
                }
                (Revision::Branch(b), "_working") => state(b)?.set.working.hash().to_string(),
                (Revision::Branch(b), "_staged") => state(b)?.set.staged.hash().to_string(),
                (Revision::Commit(c), "_head") => c.hash().to_string(),
                _ => String::new(),
            };
            return Ok(Some(Value::text(value)));
        }
        Ok(None)
    }

    /// SET of a system variable for the session or globally.
    pub fn set_variable(
        &self,
        scope: Option<VarScope>,
        name: &str,
        value: Option<OwnedValue>,
    ) -> Result<()> {
        let lower = name.to_ascii_lowercase();
        let global = matches!(
            scope,
            Some(VarScope::Global | VarScope::Persist | VarScope::PersistOnly)
        );
        let kept = matches!(scope, Some(VarScope::Persist | VarScope::PersistOnly));
        if scope == Some(VarScope::PersistOnly) && crate::persisted::is_of_database(&lower) {
            let text = value.as_ref().map(crate::convert::to_string);
            return self.persist(&lower, text.as_deref());
        }
        if variables::lookup(&lower).is_none()
            && self.set_branch_variable(&lower, &value, global)?
        {
            if kept {
                let text = value.as_ref().map(crate::convert::to_string);
                self.persist(&lower, text.as_deref())?;
            }
            return Ok(());
        }
        let v = variables::lookup(&lower).ok_or_else(|| Error::unknown_variable(name))?;
        if v.read_only && !kept {
            return Err(Error::read_only_variable(name));
        }
        if global && !v.global {
            return Err(Error::session_variable(name));
        }
        if !global && !v.session {
            return Err(Error::global_variable(name));
        }
        let value = match value {
            Some(v2) => v.check(v2)?,
            None if global => v.default_value(),
            None => self
                .instance
                .global(v.name)
                .unwrap_or_else(|| v.default_value()),
        };
        if kept {
            self.persist(v.name, Some(&crate::convert::to_string(&value)))?;
        }
        // What is fixed while the process runs is as it was kept when the next one begins.
        if global && (scope == Some(VarScope::PersistOnly) || v.read_only) {
            return Ok(());
        }
        if global {
            self.instance.set_global(v.name, value);
            return Ok(());
        }
        match v.name {
            "last_insert_id" | "identity" => {
                if let Value::Int(n) = value {
                    self.last_insert_id.set(n as u64);
                }
                return Ok(());
            }
            "autocommit" => {
                // Turning it on commits what is open; turning it off begins with the next statement.
                if matches!(value, Value::Int(1)) {
                    self.commit_transaction()?;
                }
            }
            "rand_seed1" | "rand_seed2" => {
                if let Value::Int(n) = value {
                    let (a, b) = self.random.get();
                    let n = (n as u32) % 0x3fff_ffff;
                    self.random.set(if v.name == "rand_seed1" {
                        (n, b)
                    } else {
                        (a, n)
                    });
                }
            }
            "collation_server" => {
                let text = crate::convert::to_string(&value);
                if let Some(c) = values::collation::by_name(&text) {
                    let charset = Value::text(c.charset.name);
                    self.variables
                        .borrow_mut()
                        .insert("character_set_server".into(), charset);
                }
            }
            "character_set_server" => {
                let text = crate::convert::to_string(&value);
                if let Some(c) = crate::bind::types::charset_default(&text) {
                    let collation = Value::text(c.name);
                    self.variables
                        .borrow_mut()
                        .insert("collation_server".into(), collation);
                }
            }
            "collation_connection" => {
                if let Some(c) = values::collation::by_name(&crate::convert::to_string(&value)) {
                    let charset = Value::text(c.charset.name);
                    self.variables
                        .borrow_mut()
                        .insert("character_set_connection".into(), charset);
                }
            }
            "character_set_connection" => {
                let text = crate::convert::to_string(&value);
                if let Some(c) = crate::bind::types::charset_default(&text) {
                    let collation = Value::text(c.name);
                    self.variables
                        .borrow_mut()
                        .insert("collation_connection".into(), collation);
                }
            }
            _ => {}
        }
        self.variables
            .borrow_mut()
            .insert(v.name.to_string(), value);
        self.variables_changed();
        Ok(())
    }

    /// Keeps a global variable for processes to come, or no longer.
    pub(crate) fn persist(&self, name: &str, value: Option<&str>) -> Result<()> {
        match &self.instance.persisted {
            Some(kept) => kept.keep(name, value),
            None => Err(Error::general("no directory to keep global variables in")),
        }
    }

    /// RESET PERSIST of one variable, or of all.
    pub(crate) fn reset_persist(&self, name: Option<&str>, if_exists: bool) -> Result<()> {
        let Some(kept) = &self.instance.persisted else {
            return Ok(());
        };
        let Some(name) = name else {
            return kept.forget_all();
        };
        let name = name.to_ascii_lowercase();
        if kept.is_kept(&name)? {
            return kept.keep(&name, None);
        }
        let text = format!("Variable {name} does not exist in persisted config file");
        if if_exists {
            self.push_warning(3615, text);
            return Ok(());
        }
        Err(Error::new(3615, "HY000", text))
    }

    /// `SET @@db_head_ref = 'refs/heads/x'` and `SET GLOBAL db_default_branch = 'x'`.
    fn set_branch_variable(
        &self,
        name: &str,
        value: &Option<OwnedValue>,
        global: bool,
    ) -> Result<bool> {
        let text = value
            .as_ref()
            .map(crate::convert::to_string)
            .unwrap_or_default();
        if let Some(db) = name.strip_suffix("_default_branch")
            && self.instance.database(db).is_some()
        {
            if !global {
                return Err(Error::global_variable(name));
            }
            self.instance.set_global(name, Value::text(text));
            return Ok(true);
        }
        if let Some(db) = name.strip_suffix("_head_ref")
            && let Some(handle) = self.instance.database(db)
        {
            let branch = text.strip_prefix("refs/heads/").unwrap_or(&text);
            let Some(found) = handle.store.find_branch(branch)? else {
                return Err(Error::general(format!("branch not found: {branch}")));
            };
            self.set_head(&handle, &found);
            return Ok(true);
        }
        for suffix in ["_head", "_working", "_staged"] {
            if let Some(db) = name.strip_suffix(suffix)
                && self.instance.database(db).is_some()
            {
                return Err(Error::read_only_variable(name));
            }
        }
        Ok(false)
    }

    /// `@name`.
    pub fn user_variable(&self, name: &str) -> OwnedValue {
        let map = self.user_variables.borrow();
        map.get(name)
            .or_else(|| map.get(&name.to_lowercase()))
            .cloned()
            .unwrap_or(Value::Null)
    }

    /// `SET @name = value`.
    pub fn set_user_variable(&self, name: &str, value: OwnedValue) {
        self.user_variables
            .borrow_mut()
            .insert(name.to_lowercase(), value);
    }
}
