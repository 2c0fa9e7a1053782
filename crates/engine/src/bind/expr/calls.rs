//! Calls of functions: built-in ones, and those of the database.

use super::*;

impl Binder<'_> {
    /// An operand of arithmetic: a hexadecimal or bit literal is a number there.
    pub(crate) fn operand(&mut self, e: &ast::Expr) -> Result<Typed> {
        match e {
            ast::Expr::Literal(
                Literal::Hex {
                    bytes,
                    charset: None,
                }
                | Literal::Bit {
                    bytes,
                    charset: None,
                },
            ) if bytes.len() <= 8 => {
                let n = bytes.iter().fold(0u64, |n, b| n << 8 | u64::from(*b));
                Ok(Typed::new(Expr::Literal(Value::UInt(n)), UBIGINT, false))
            }
            e => self.expr(e),
        }
    }

    /// A call of a built-in function by name.
    pub(crate) fn named_call(&mut self, name: &str, args: &[ast::Expr]) -> Result<Typed> {
        let args = args
            .iter()
            .map(|a| self.expr(a))
            .collect::<Result<Vec<_>>>()?;
        self.call(name, args)
    }

    /// A call of a built-in function on bound arguments.
    pub(crate) fn call(&mut self, name: &str, mut args: Vec<Typed>) -> Result<Typed> {
        if let ("round" | "truncate" | "floor" | "ceil" | "ceiling" | "format", Some(first)) =
            (name, args.first_mut())
        {
            keep_digits(&mut first.expr, self.modes.div_increment);
        }
        let Some(function) = crate::functions::lookup(name) else {
            return Err(Error::unknown_function(name));
        };
        let most = if function.max == u8::MAX {
            usize::MAX
        } else {
            function.max as usize
        };
        if args.len() < function.min as usize || args.len() > most {
            return Err(Error::wrong_parameter_count(name));
        }
        let strict = function.strict;
        let nullable_args = args.iter().any(|a| a.nullable);
        let arg_types: Vec<SqlType> = args.iter().map(|a| a.ty.clone()).collect();
        let text: Vec<(&SqlType, u8)> = args
            .iter()
            .filter(|a| collation_id(&a.ty).is_some())
            .map(|a| (&a.ty, a.coercibility))
            .collect();
        let (collation, strength) = match common_collation(&text, self.modes.connection, name) {
            Ok(found) => found,
            Err(_) if !text.is_empty() => (self.modes.connection, coercibility::IMPLICIT),
            Err(e) => return Err(e),
        };
        let plain_types: Vec<SqlType> = args.iter().map(|a| self.plain(a.clone()).ty).collect();
        let mut result = (function.result)(&plain_types, collation);
        if let Some(refine) = function.refine {
            let constants: Vec<Option<OwnedValue>> = args
                .iter()
                .map(|a| match &a.expr {
                    Expr::Literal(v) => Some(v.clone()),
                    Expr::Negate(e, _) => match &**e {
                        Expr::Literal(Value::Decimal(d)) => Some(Value::Decimal(d.neg())),
                        _ => None,
                    },
                    Expr::Param(n) => {
                        self.uncacheable = true;
                        self.param_values.get(*n).cloned()
                    }
                    _ => None,
                })
                .collect();
            result = refine(&plain_types, &constants, result);
        }
        let args = args.into_iter().map(|a| self.plain(a).expr).collect();
        let types = Arc::new(CallTypes {
            args: arg_types,
            result: result.clone(),
            collation,
        });
        let ty = result;
        let coercibility = if types::is_string(&ty) {
            strength.min(coercibility::LITERAL)
        } else {
            coercibility::NUMERIC
        };
        if function.volatile {
            // The value belongs to the statement's time, user or session, never to the plan.
        }
        let e = Expr::Call {
            function,
            args,
            types,
        };
        Ok(
            Typed::new(e, ty, nullable_args || !strict || function.min > 0)
                .with_coercibility(coercibility),
        )
    }

    pub(super) fn function(&mut self, call: &ast::FunctionCall) -> Result<Typed> {
        let name = call.name.to_ascii_lowercase();
        if call.over.is_some() {
            return self.window_call(&name, call);
        }
        if self.is_aggregate(&name) {
            return self.aggregate_call(&name, call);
        }
        let args = &call.args;
        let count = |min: usize, max: usize| {
            if args.len() < min || args.len() > max {
                Err(Error::wrong_parameter_count(&call.name))
            } else {
                Ok(())
            }
        };
        match name.as_str() {
            "if" => {
                count(3, 3)?;
                self.case(None, &[(args[0].clone(), args[1].clone())], Some(&args[2]))
            }
            "ifnull" | "coalesce" => {
                if name == "ifnull" {
                    count(2, 2)?;
                } else {
                    count(1, usize::MAX)?;
                }
                let list = args
                    .iter()
                    .map(|a| self.expr(a))
                    .collect::<Result<Vec<_>>>()?;
                let nullable = list.iter().all(|t| t.nullable);
                let strength = list
                    .iter()
                    .map(|t| t.coercibility)
                    .min()
                    .unwrap_or(coercibility::LITERAL);
                let (list, ty, _) = self.unify(list)?;
                Ok(Typed::new(Expr::Coalesce(list), ty, nullable).with_coercibility(strength))
            }
            "nullif" => {
                count(2, 2)?;
                let a = self.expr(&args[0])?;
                let b = self.expr(&args[1])?;
                let ty = self.plain(a.clone()).ty;
                let same = self.compare(CompareOp::Eq, a.clone(), b)?;
                let strength = a.coercibility;
                let e = Expr::Case {
                    branches: vec![(same.expr, Expr::Literal(Value::Null))],
                    otherwise: Some(Box::new(self.plain(a).expr)),
                };
                Ok(Typed::new(e, ty, true).with_coercibility(strength))
            }
            "isnull" => {
                count(1, 1)?;
                let t = self.expr(&args[0])?;
                let is = Expr::Is {
                    expr: Box::new(t.expr),
                    test: IsTest::Null,
                    negated: false,
                };
                Ok(Typed::new(is, BOOL, false))
            }
            "greatest" | "least" => {
                count(2, usize::MAX)?;
                let list = args
                    .iter()
                    .map(|a| self.expr(a))
                    .collect::<Result<Vec<_>>>()?;
                let (list, ty, nullable) = self.unify(list)?;
                let typed = list
                    .into_iter()
                    .map(|e| Typed::new(e, ty.clone(), nullable))
                    .collect();
                let mut t = self.call(&name, typed)?;
                t.ty = ty;
                Ok(t)
            }
            "date_add" | "adddate" | "date_sub" | "subdate" => {
                count(2, 2)?;
                let negative = name.ends_with("sub") || name.starts_with("sub");
                match &args[1] {
                    ast::Expr::Interval { value, unit } => {
                        self.date_add(&args[0], value, *unit, negative)
                    }
                    days => self.date_add(&args[0], days, ast::IntervalUnit::Day, negative),
                }
            }
            "mod" => {
                count(2, 2)?;
                self.binary(BinaryOp::Mod, &args[0], &args[1])
            }
            "collation" | "charset" | "coercibility" => {
                count(1, 1)?;
                let t = self.expr(&args[0])?;
                self.collation_fact(&name, &t)
            }
            "json_value" if args.len() == 3 => {
                let to = self.json_value_type(&args[2]);
                self.json_value(&args[..2], to)
            }
            "any_value" => {
                count(1, 1)?;
                self.expr(&args[0])
            }
            "values" => {
                count(1, 1)?;
                match &args[0] {
                    ast::Expr::Column(c) => self.expr(&ast::Expr::Values(Box::new(c.clone()))),
                    _ => Err(Error::not_supported("VALUES()")),
                }
            }
            _ => {
                if let Some(db) = &call.db {
                    if let Some(t) = self.stored_call(Some(&**db), &call.name, args)? {
                        return Ok(t);
                    }
                    return Err(Error::unknown_function(format!(
                        "{}.{}",
                        call.db.as_deref().unwrap_or(""),
                        call.name
                    )));
                }
                match crate::functions::lookup(&name) {
                    Some(_) => self.named_call(&name, args),
                    None => {
                        if let Some(t) = self.stored_call(None, &call.name, args)? {
                            return Ok(t);
                        }
                        let db = self.default_db();
                        Err(match db {
                            Some(db) => Error::unknown_function(format!("{db}.{}", call.name)),
                            None => Error::unknown_function(&call.name),
                        })
                    }
                }
            }
        }
    }

    pub(super) fn collation_fact(&mut self, name: &str, t: &Typed) -> Result<Typed> {
        let id = collation_id(&t.ty).unwrap_or(match &t.ty {
            ty if is_number(ty) || is_temporal(ty) => CollationId::BINARY,
            SqlType::Null => CollationId::BINARY,
            SqlType::Json => {
                values::collation::by_name("utf8mb4_bin").map_or(self.modes.connection, |c| c.id)
            }
            _ => self.modes.connection,
        });
        let collation = values::collation::by_id(id);
        let text = match name {
            "collation" => collation.map_or("binary", |c| c.name),
            _ => collation.map_or("binary", |c| c.charset.name),
        };
        if name == "coercibility" {
            // A document has a collation as a column has one.
            let of = match (&t.ty, &t.expr) {
                (SqlType::Json, _) => t.coercibility.min(coercibility::IMPLICIT),
                (_, Expr::Call { function, .. }) if is_of_system(function.name) => {
                    coercibility::SYSTEM
                }
                _ => t.coercibility,
            };
            let v = Value::Int(of.into());
            return Ok(Typed::new(Expr::Literal(v), BIGINT, false));
        }
        let utf8 = values::collation::by_name("utf8mb3_general_ci")
            .map_or(self.modes.connection, |c| c.id);
        Ok(Typed::new(
            Expr::Literal(Value::text(text)),
            SqlType::VarChar(64, utf8),
            false,
        ))
    }
}

/// Functions whose text the server gives.
fn is_of_system(function: &str) -> bool {
    matches!(
        function,
        "user"
            | "current_user"
            | "session_user"
            | "system_user"
            | "database"
            | "schema"
            | "version"
    )
}
