//! Triggers, routines, events, and the statements of their bodies.

use super::{Parser, Res};
use crate::ast::*;
use crate::keyword::Kw;
use crate::lexer::T;

impl Parser<'_> {
    /// A statement of a body with its span.
    pub(super) fn body(&mut self) -> Res<Body> {
        self.nested(|p| {
            let start = p.start();
            let statement = Box::new(p.statement_in_program()?);
            Ok(Body {
                statement,
                span: p.span_from(start),
            })
        })
    }

    /// `statement; statement; ...` up to a word that ends the list.
    fn bodies(&mut self) -> Res<Vec<Body>> {
        let mut list = Vec::new();
        loop {
            // WHEN ends the branches of CASE, and UNTIL those of REPEAT.
            match self.tok.kw {
                Kw::END | Kw::ELSE | Kw::ELSEIF | Kw::WHEN | Kw::UNTIL => return Ok(list),
                _ => {}
            }
            list.push(self.body()?);
            self.expect(T::Semi)?;
        }
    }

    pub(super) fn create_trigger(&mut self, definer: Option<Account>) -> Res<CreateTrigger> {
        let if_not_exists = self.if_not_exists();
        let name = self.object_name()?;
        let time = if self.eat_kw(Kw::BEFORE) {
            TriggerTime::Before
        } else {
            self.expect_w("AFTER")?;
            TriggerTime::After
        };
        let event = match self.tok.kw {
            Kw::INSERT => TriggerEvent::Insert,
            Kw::UPDATE => TriggerEvent::Update,
            Kw::DELETE => TriggerEvent::Delete,
            _ => return self.fail(),
        };
        self.advance();
        self.expect_kw(Kw::ON)?;
        let start = self.start();
        let table = self.object_name()?;
        let table_span = self.span_from(start);
        self.expect_ws(&["FOR", "EACH", "ROW"])?;
        let order = if self.w("FOLLOWS") && self.is_ident_token(self.peek()) {
            self.advance();
            Some(TriggerOrder::Follows(self.ident()?))
        } else if self.w("PRECEDES") && self.is_ident_token(self.peek()) {
            self.advance();
            Some(TriggerOrder::Precedes(self.ident()?))
        } else {
            None
        };
        Ok(CreateTrigger {
            definer,
            if_not_exists,
            name,
            time,
            event,
            table,
            table_span,
            order,
            body: self.body()?,
        })
    }

    pub(super) fn create_routine(
        &mut self,
        definer: Option<Account>,
        function: bool,
        aggregate: bool,
    ) -> Res<CreateRoutine> {
        let if_not_exists = self.if_not_exists();
        let name = self.object_name()?;
        let params = if function && self.kw(Kw::RETURNS) {
            Vec::new()
        } else {
            self.paren_list_or_empty(|p| p.routine_param(function))?
        };
        let returns = if function {
            self.expect_kw(Kw::RETURNS)?;
            if self.eat_w("STRING") {
                Some(DataType {
                    kind: TypeKind::Text(None),
                    unsigned: false,
                    zerofill: false,
                    charset: None,
                    collate: None,
                    binary: false,
                })
            } else {
                Some(self.data_type()?)
            }
        } else {
            None
        };
        let characteristics = self.characteristics()?;
        let body = if function && self.eat_w("SONAME") {
            RoutineBody::Library(self.string()?)
        } else {
            RoutineBody::Sql(self.body()?)
        };
        Ok(CreateRoutine {
            definer,
            if_not_exists,
            aggregate,
            name,
            params,
            returns,
            characteristics,
            body,
        })
    }

    fn routine_param(&mut self, function: bool) -> Res<RoutineParam> {
        let mode = match self.tok.kw {
            Kw::IN => ParamMode::In,
            Kw::OUT => ParamMode::Out,
            Kw::INOUT => ParamMode::InOut,
            _ => {
                return Ok(RoutineParam {
                    mode: ParamMode::In,
                    name: self.ident()?,
                    data_type: self.data_type()?,
                });
            }
        };
        if function {
            return self.fail();
        }
        self.advance();
        Ok(RoutineParam {
            mode,
            name: self.ident()?,
            data_type: self.data_type()?,
        })
    }

    pub(super) fn characteristics(&mut self) -> Res<Vec<Characteristic>> {
        let mut list = Vec::new();
        loop {
            list.push(match self.tok.kw {
                Kw::COMMENT => {
                    self.advance();
                    Characteristic::Comment(self.string()?)
                }
                Kw::LANGUAGE => {
                    self.advance();
                    Characteristic::Language(self.any_ident()?)
                }
                Kw::DETERMINISTIC => {
                    self.advance();
                    Characteristic::Deterministic(true)
                }
                Kw::NOT => {
                    self.expect_ws(&["NOT", "DETERMINISTIC"])?;
                    Characteristic::Deterministic(false)
                }
                Kw::CONTAINS => {
                    self.expect_ws(&["CONTAINS", "SQL"])?;
                    Characteristic::ContainsSql
                }
                Kw::NO => {
                    self.expect_ws(&["NO", "SQL"])?;
                    Characteristic::NoSql
                }
                Kw::READS => {
                    self.expect_ws(&["READS", "SQL", "DATA"])?;
                    Characteristic::ReadsSqlData
                }
                Kw::MODIFIES => {
                    self.expect_ws(&["MODIFIES", "SQL", "DATA"])?;
                    Characteristic::ModifiesSqlData
                }
                Kw::SQL => {
                    self.expect_ws(&["SQL", "SECURITY"])?;
                    Characteristic::SqlSecurity(self.sql_security()?)
                }
                _ => return Ok(list),
            });
        }
    }

    fn schedule(&mut self) -> Res<Schedule> {
        if self.eat_w("AT") {
            return Ok(Schedule::At(self.expr()?));
        }
        self.expect_w("EVERY")?;
        let value = self.expr()?;
        let unit = self.interval_unit()?;
        let starts = if self.eat_w("STARTS") {
            Some(self.expr()?)
        } else {
            None
        };
        let ends = if self.eat_w("ENDS") {
            Some(self.expr()?)
        } else {
            None
        };
        Ok(Schedule::Every {
            value,
            unit,
            starts,
            ends,
        })
    }

    fn on_completion(&mut self) -> Res<Option<bool>> {
        if !self.eat_ws(&["ON", "COMPLETION"]) {
            return Ok(None);
        }
        let preserve = !self.eat_kw(Kw::NOT);
        self.expect_w("PRESERVE")?;
        Ok(Some(preserve))
    }

    fn event_status(&mut self) -> Option<EventStatus> {
        if self.eat_w("ENABLE") {
            return Some(EventStatus::Enable);
        }
        if self.eat_ws(&["DISABLE", "ON", "SLAVE"]) || self.eat_ws(&["DISABLE", "ON", "REPLICA"]) {
            return Some(EventStatus::DisableOnReplica);
        }
        self.eat_w("DISABLE").then_some(EventStatus::Disable)
    }

    fn opt_comment(&mut self) -> Res<Option<Box<str>>> {
        if self.eat_w("COMMENT") {
            return self.string().map(Some);
        }
        Ok(None)
    }

    pub(super) fn create_event(&mut self, definer: Option<Account>) -> Res<CreateEvent> {
        let if_not_exists = self.if_not_exists();
        let name = self.object_name()?;
        self.expect_ws(&["ON", "SCHEDULE"])?;
        let schedule = self.schedule()?;
        let on_completion_preserve = self.on_completion()?;
        let status = self.event_status();
        let comment = self.opt_comment()?;
        self.expect_w("DO")?;
        Ok(CreateEvent {
            definer,
            if_not_exists,
            name,
            schedule,
            on_completion_preserve,
            status,
            comment,
            body: self.body()?,
        })
    }

    pub(super) fn alter_event(&mut self, definer: Option<Account>) -> Res<AlterEvent> {
        let name = self.object_name()?;
        let schedule = if self.eat_ws(&["ON", "SCHEDULE"]) {
            Some(self.schedule()?)
        } else {
            None
        };
        let on_completion_preserve = self.on_completion()?;
        let rename_to = if self.eat_ws(&["RENAME", "TO"]) {
            Some(self.object_name()?)
        } else {
            None
        };
        let status = self.event_status();
        let comment = self.opt_comment()?;
        let body = if self.eat_w("DO") {
            Some(self.body()?)
        } else {
            None
        };
        Ok(AlterEvent {
            definer,
            name,
            schedule,
            on_completion_preserve,
            rename_to,
            status,
            comment,
            body,
        })
    }

    /// A statement where those of stored programs are allowed.
    fn statement_in_program(&mut self) -> Res<Statement> {
        if self.is_ident() && self.peek().kind == T::Colon {
            let label = self.ident()?;
            self.advance();
            return self.labelled(Some(label));
        }
        let program = match self.tok.kw {
            Kw::BEGIN | Kw::LOOP | Kw::REPEAT | Kw::WHILE => return self.labelled(None),
            Kw::IF => self.if_statement()?,
            Kw::CASE => self.case_statement()?,
            Kw::LEAVE => {
                self.advance();
                ProgramStatement::Leave(self.ident()?)
            }
            Kw::ITERATE => {
                self.advance();
                ProgramStatement::Iterate(self.ident()?)
            }
            Kw::RETURN => {
                self.advance();
                ProgramStatement::Return(self.expr()?)
            }
            Kw::OPEN => {
                self.advance();
                ProgramStatement::Open(self.ident()?)
            }
            Kw::FETCH => {
                self.advance();
                if !self.eat_ws(&["NEXT", "FROM"]) {
                    self.eat_kw(Kw::FROM);
                }
                let cursor = self.ident()?;
                self.expect_kw(Kw::INTO)?;
                ProgramStatement::Fetch {
                    cursor,
                    into: self.comma_list(Self::select_target)?,
                }
            }
            Kw::CLOSE => {
                self.advance();
                ProgramStatement::Close(self.ident()?)
            }
            _ => return self.statement(),
        };
        Ok(Statement::Program(Box::new(program)))
    }

    fn labelled(&mut self, label: Option<Ident>) -> Res<Statement> {
        let word = self.tok.kw;
        self.advance();
        let (program, label) = match word {
            Kw::BEGIN => {
                let mut declarations = Vec::new();
                while self.kw(Kw::DECLARE) {
                    declarations.push(self.declaration()?);
                    self.expect(T::Semi)?;
                }
                let body = self.bodies()?;
                self.expect_kw(Kw::END)?;
                (
                    ProgramStatement::Block {
                        label: label.clone(),
                        declarations,
                        body,
                    },
                    label,
                )
            }
            Kw::LOOP => {
                let body = self.bodies()?;
                self.expect_ws(&["END", "LOOP"])?;
                (
                    ProgramStatement::Loop {
                        label: label.clone(),
                        body,
                    },
                    label,
                )
            }
            Kw::REPEAT => {
                let body = self.bodies()?;
                self.expect_w("UNTIL")?;
                let until = self.expr()?;
                self.expect_ws(&["END", "REPEAT"])?;
                (
                    ProgramStatement::Repeat {
                        label: label.clone(),
                        body,
                        until,
                    },
                    label,
                )
            }
            Kw::WHILE => {
                let condition = self.expr()?;
                self.expect_w("DO")?;
                let body = self.bodies()?;
                self.expect_ws(&["END", "WHILE"])?;
                (
                    ProgramStatement::While {
                        label: label.clone(),
                        condition,
                        body,
                    },
                    label,
                )
            }
            _ => return self.fail(),
        };
        if self.is_ident() {
            let same = label
                .as_ref()
                .zip(self.name_of(self.tok).ok())
                .is_some_and(|(a, b)| a.eq_ignore_ascii_case(&b));
            if !same {
                return self.fail();
            }
            self.advance();
        }
        Ok(Statement::Program(Box::new(program)))
    }

    fn if_statement(&mut self) -> Res<ProgramStatement> {
        self.advance();
        let mut branches = Vec::new();
        loop {
            let condition = self.expr()?;
            self.expect_kw(Kw::THEN)?;
            branches.push((condition, self.bodies()?));
            if !self.eat_kw(Kw::ELSEIF) {
                break;
            }
        }
        let otherwise = self.otherwise()?;
        self.expect_ws(&["END", "IF"])?;
        Ok(ProgramStatement::If {
            branches,
            otherwise,
        })
    }

    fn otherwise(&mut self) -> Res<Option<Vec<Body>>> {
        if self.eat_kw(Kw::ELSE) {
            return self.bodies().map(Some);
        }
        Ok(None)
    }

    fn case_statement(&mut self) -> Res<ProgramStatement> {
        self.advance();
        let operand = if self.kw(Kw::WHEN) {
            None
        } else {
            Some(self.expr()?)
        };
        let mut branches = Vec::new();
        while self.eat_kw(Kw::WHEN) {
            let when = self.expr()?;
            self.expect_kw(Kw::THEN)?;
            branches.push((when, self.bodies()?));
        }
        if branches.is_empty() {
            return self.fail();
        }
        let otherwise = self.otherwise()?;
        self.expect_ws(&["END", "CASE"])?;
        Ok(ProgramStatement::Case {
            operand,
            branches,
            otherwise,
        })
    }

    fn declaration(&mut self) -> Res<Declaration> {
        self.expect_kw(Kw::DECLARE)?;
        let action = match self.tok.kw {
            Kw::CONTINUE => Some(HandlerAction::Continue),
            Kw::EXIT => Some(HandlerAction::Exit),
            Kw::UNDO => Some(HandlerAction::Undo),
            _ => None,
        };
        if let Some(action) = action {
            self.advance();
            self.expect_ws(&["HANDLER", "FOR"])?;
            return Ok(Declaration::Handler {
                action,
                conditions: self.comma_list(Self::condition_value)?,
                body: self.body()?,
            });
        }
        let name = self.ident()?;
        if self.eat_kw(Kw::CONDITION) {
            self.expect_kw(Kw::FOR)?;
            return Ok(Declaration::Condition {
                name,
                value: self.condition_value()?,
            });
        }
        if self.eat_kw(Kw::CURSOR) {
            self.expect_kw(Kw::FOR)?;
            return Ok(Declaration::Cursor {
                name,
                query: Box::new(self.query()?),
            });
        }
        let mut names = vec![name];
        while self.eat(T::Comma) {
            names.push(self.ident()?);
        }
        let data_type = self.data_type()?;
        let default = if self.eat_kw(Kw::DEFAULT) {
            Some(self.expr()?)
        } else {
            None
        };
        Ok(Declaration::Variables {
            names,
            data_type,
            default,
        })
    }

    fn condition_value(&mut self) -> Res<ConditionValue> {
        if self.is(T::Int) {
            return Ok(ConditionValue::ErrorCode(self.integer()?));
        }
        if self.eat_kw(Kw::SQLSTATE) {
            self.eat_w("VALUE");
            return Ok(ConditionValue::SqlState(self.string()?));
        }
        if self.eat_kw(Kw::SQLWARNING) {
            return Ok(ConditionValue::SqlWarning);
        }
        if self.eat_ws(&["NOT", "FOUND"]) {
            return Ok(ConditionValue::NotFound);
        }
        if self.eat_kw(Kw::SQLEXCEPTION) {
            return Ok(ConditionValue::SqlException);
        }
        Ok(ConditionValue::Name(self.ident()?))
    }

    /// What follows SIGNAL and RESIGNAL.
    pub(super) fn signal(&mut self, resignal: bool) -> Res<Signal> {
        let condition = if resignal && (self.at_end() || self.kw(Kw::SET)) {
            None
        } else {
            Some(self.condition_value()?)
        };
        let set = if self.eat_kw(Kw::SET) {
            self.comma_list(|p| {
                let name = p.upper_word()?;
                p.expect(T::Eq)?;
                Ok((name, p.expr()?))
            })?
        } else {
            Vec::new()
        };
        Ok(Signal { condition, set })
    }

    /// What follows GET.
    pub(super) fn get_diagnostics(&mut self) -> Res<GetDiagnostics> {
        let stacked = self.eat_w("STACKED");
        if !stacked {
            self.eat_w("CURRENT");
        }
        self.expect_w("DIAGNOSTICS")?;
        let condition = if self.eat_kw(Kw::CONDITION) {
            Some(self.expr_from(super::expr::level::PRIMARY)?)
        } else {
            None
        };
        let items = self.comma_list(|p| {
            let target = p.select_target()?;
            p.expect(T::Eq)?;
            Ok((target, p.upper_word()?))
        })?;
        Ok(GetDiagnostics {
            stacked,
            condition,
            items,
        })
    }
}
