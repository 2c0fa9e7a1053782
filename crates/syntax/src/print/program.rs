//! Stored programs.

use super::Sql;
use crate::ast::*;

impl Sql<'_> {
    fn body(&mut self, body: &Body) {
        self.statement(&body.statement);
    }

    fn bodies(&mut self, list: &[Body]) {
        for body in list {
            self.body(body);
            self.s("; ");
        }
    }

    pub(super) fn trigger(&mut self, trigger: &CreateTrigger) {
        self.s("CREATE ").definer(&trigger.definer);
        self.s("TRIGGER ")
            .when(trigger.if_not_exists, "IF NOT EXISTS ")
            .name(&trigger.name);
        self.s(match trigger.time {
            TriggerTime::Before => " BEFORE ",
            TriggerTime::After => " AFTER ",
        });
        self.s(match trigger.event {
            TriggerEvent::Insert => "INSERT",
            TriggerEvent::Update => "UPDATE",
            TriggerEvent::Delete => "DELETE",
        });
        self.s(" ON ").name(&trigger.table).s(" FOR EACH ROW ");
        match &trigger.order {
            None => {}
            Some(TriggerOrder::Follows(name)) => {
                self.s("FOLLOWS ").ident(name).s(" ");
            }
            Some(TriggerOrder::Precedes(name)) => {
                self.s("PRECEDES ").ident(name).s(" ");
            }
        }
        self.body(&trigger.body);
    }

    pub(super) fn routine(&mut self, routine: &CreateRoutine, function: bool) {
        self.s("CREATE ").definer(&routine.definer);
        self.when(routine.aggregate, "AGGREGATE ")
            .s(if function { "FUNCTION " } else { "PROCEDURE " })
            .when(routine.if_not_exists, "IF NOT EXISTS ")
            .name(&routine.name);
        let library = matches!(routine.body, RoutineBody::Library(_));
        if !library || !routine.params.is_empty() {
            self.s("(").list(&routine.params, |w, param| {
                w.s(match param.mode {
                    ParamMode::In if function => "",
                    ParamMode::In => "IN ",
                    ParamMode::Out => "OUT ",
                    ParamMode::InOut => "INOUT ",
                });
                w.ident(&param.name).s(" ").data_type(&param.data_type);
            });
            self.s(")");
        }
        if let Some(returns) = &routine.returns {
            self.s(" RETURNS ").data_type(returns);
        }
        self.characteristics(&routine.characteristics);
        match &routine.body {
            RoutineBody::Sql(body) => self.s(" ").body(body),
            RoutineBody::Library(name) => {
                self.s(" SONAME ").str(name);
            }
        }
    }

    pub(super) fn characteristics(&mut self, list: &[Characteristic]) {
        for characteristic in list {
            match characteristic {
                Characteristic::Comment(text) => self.s(" COMMENT ").str(text),
                Characteristic::Language(name) => self.s(" LANGUAGE ").s(name),
                Characteristic::Deterministic(true) => self.s(" DETERMINISTIC"),
                Characteristic::Deterministic(false) => self.s(" NOT DETERMINISTIC"),
                Characteristic::ContainsSql => self.s(" CONTAINS SQL"),
                Characteristic::NoSql => self.s(" NO SQL"),
                Characteristic::ReadsSqlData => self.s(" READS SQL DATA"),
                Characteristic::ModifiesSqlData => self.s(" MODIFIES SQL DATA"),
                Characteristic::SqlSecurity(SqlSecurity::Definer) => {
                    self.s(" SQL SECURITY DEFINER")
                }
                Characteristic::SqlSecurity(SqlSecurity::Invoker) => {
                    self.s(" SQL SECURITY INVOKER")
                }
            };
        }
    }

    fn schedule(&mut self, schedule: &Schedule) {
        self.s(" ON SCHEDULE ");
        match schedule {
            Schedule::At(at) => self.s("AT ").expr(at),
            Schedule::Every {
                value,
                unit,
                starts,
                ends,
            } => {
                self.s("EVERY ").expr(value);
                self.s(" ").s(unit.as_str());
                if let Some(starts) = starts {
                    self.s(" STARTS ").expr(starts);
                }
                if let Some(ends) = ends {
                    self.s(" ENDS ").expr(ends);
                }
            }
        }
    }

    fn preserve(&mut self, preserve: Option<bool>) {
        self.s(match preserve {
            None => "",
            Some(true) => " ON COMPLETION PRESERVE",
            Some(false) => " ON COMPLETION NOT PRESERVE",
        });
    }

    fn status_and_comment(&mut self, status: Option<EventStatus>, comment: &Option<Box<str>>) {
        self.s(match status {
            None => "",
            Some(EventStatus::Enable) => " ENABLE",
            Some(EventStatus::Disable) => " DISABLE",
            Some(EventStatus::DisableOnReplica) => " DISABLE ON SLAVE",
        });
        if let Some(comment) = comment {
            self.s(" COMMENT ").str(comment);
        }
    }

    pub(super) fn create_event(&mut self, event: &CreateEvent) {
        self.s("CREATE ").definer(&event.definer);
        self.s("EVENT ")
            .when(event.if_not_exists, "IF NOT EXISTS ")
            .name(&event.name);
        self.schedule(&event.schedule);
        self.preserve(event.on_completion_preserve);
        self.status_and_comment(event.status, &event.comment);
        self.s(" DO ").body(&event.body);
    }

    pub(super) fn alter_event(&mut self, event: &AlterEvent) {
        self.s("ALTER ").definer(&event.definer);
        self.s("EVENT ").name(&event.name);
        if let Some(schedule) = &event.schedule {
            self.schedule(schedule);
        }
        self.preserve(event.on_completion_preserve);
        if let Some(name) = &event.rename_to {
            self.s(" RENAME TO ").name(name);
        }
        self.status_and_comment(event.status, &event.comment);
        if let Some(body) = &event.body {
            self.s(" DO ").body(body);
        }
    }

    fn label(&mut self, label: &Option<Ident>) {
        if let Some(label) = label {
            self.ident(label).s(": ");
        }
    }

    pub(super) fn program(&mut self, program: &ProgramStatement) {
        match program {
            ProgramStatement::Block {
                label,
                declarations,
                body,
            } => {
                self.label(label);
                self.s("BEGIN ");
                for declaration in declarations {
                    self.declaration(declaration);
                    self.s("; ");
                }
                self.bodies(body);
                self.s("END");
            }
            ProgramStatement::If {
                branches,
                otherwise,
            } => {
                for (i, (condition, body)) in branches.iter().enumerate() {
                    self.s(if i == 0 { "IF " } else { "ELSEIF " })
                        .expr(condition);
                    self.s(" THEN ").bodies(body);
                }
                self.otherwise(otherwise);
                self.s("END IF");
            }
            ProgramStatement::Case {
                operand,
                branches,
                otherwise,
            } => {
                self.s("CASE ");
                if let Some(operand) = operand {
                    self.expr(operand);
                    self.s(" ");
                }
                for (when, body) in branches {
                    self.s("WHEN ").expr(when);
                    self.s(" THEN ").bodies(body);
                }
                self.otherwise(otherwise);
                self.s("END CASE");
            }
            ProgramStatement::Loop { label, body } => {
                self.label(label);
                self.s("LOOP ").bodies(body);
                self.s("END LOOP");
            }
            ProgramStatement::Repeat { label, body, until } => {
                self.label(label);
                self.s("REPEAT ").bodies(body);
                self.s("UNTIL ").expr(until);
                self.s(" END REPEAT");
            }
            ProgramStatement::While {
                label,
                condition,
                body,
            } => {
                self.label(label);
                self.s("WHILE ").expr(condition);
                self.s(" DO ").bodies(body);
                self.s("END WHILE");
            }
            ProgramStatement::Leave(label) => {
                self.s("LEAVE ").ident(label);
            }
            ProgramStatement::Iterate(label) => {
                self.s("ITERATE ").ident(label);
            }
            ProgramStatement::Return(value) => self.s("RETURN ").expr(value),
            ProgramStatement::Open(cursor) => {
                self.s("OPEN ").ident(cursor);
            }
            ProgramStatement::Fetch { cursor, into } => {
                self.s("FETCH ").ident(cursor).s(" INTO ");
                self.select_targets(into);
            }
            ProgramStatement::Close(cursor) => {
                self.s("CLOSE ").ident(cursor);
            }
        }
    }

    fn otherwise(&mut self, otherwise: &Option<Vec<Body>>) {
        if let Some(body) = otherwise {
            self.s("ELSE ").bodies(body);
        }
    }

    fn declaration(&mut self, declaration: &Declaration) {
        self.s("DECLARE ");
        match declaration {
            Declaration::Variables {
                names,
                data_type,
                default,
            } => {
                self.idents(names).s(" ").data_type(data_type);
                if let Some(default) = default {
                    self.s(" DEFAULT ").expr(default);
                }
            }
            Declaration::Condition { name, value } => {
                self.ident(name).s(" CONDITION FOR ");
                self.condition(value);
            }
            Declaration::Cursor { name, query } => {
                self.ident(name).s(" CURSOR FOR ").query(query);
            }
            Declaration::Handler {
                action,
                conditions,
                body,
            } => {
                self.s(match action {
                    HandlerAction::Continue => "CONTINUE",
                    HandlerAction::Exit => "EXIT",
                    HandlerAction::Undo => "UNDO",
                });
                self.s(" HANDLER FOR ")
                    .list(conditions, |w, condition| w.condition(condition));
                self.s(" ").body(body);
            }
        }
    }

    fn condition(&mut self, value: &ConditionValue) {
        match value {
            ConditionValue::ErrorCode(n) => self.num(n),
            ConditionValue::SqlState(state) => self.s("SQLSTATE ").str(state),
            ConditionValue::Name(name) => self.ident(name),
            ConditionValue::SqlWarning => self.s("SQLWARNING"),
            ConditionValue::NotFound => self.s("NOT FOUND"),
            ConditionValue::SqlException => self.s("SQLEXCEPTION"),
        };
    }

    pub(super) fn signal(&mut self, verb: &str, signal: &Signal) {
        self.s(verb);
        if let Some(condition) = &signal.condition {
            self.s(" ").condition(condition);
        }
        if !signal.set.is_empty() {
            self.s(" SET ").list(&signal.set, |w, (name, value)| {
                w.s(name).s(" = ").expr(value);
            });
        }
    }

    pub(super) fn get_diagnostics(&mut self, get: &GetDiagnostics) {
        self.s("GET ")
            .when(get.stacked, "STACKED ")
            .s("DIAGNOSTICS ");
        if let Some(condition) = &get.condition {
            self.s("CONDITION ")
                .expr_at(condition, crate::parser::level::PRIMARY)
                .s(" ");
        }
        self.list(&get.items, |w, (target, item)| {
            w.select_target(target);
            w.s(" = ").s(item);
        });
    }
}
