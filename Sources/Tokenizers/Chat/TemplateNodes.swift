/// An expression of a chat template. Every node that can fail keeps its line.
indirect enum TemplateExpression: Sendable {
    case none
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case name(String)
    case list([TemplateExpression], line: Int)
    case tuple([TemplateExpression], line: Int)
    case dictionary([(key: TemplateExpression, value: TemplateExpression)], line: Int)
    case attribute(TemplateExpression, String, line: Int)
    case item(TemplateExpression, TemplateExpression, line: Int)
    case slice(
        TemplateExpression, start: TemplateExpression?, stop: TemplateExpression?, step: TemplateExpression?,
        line: Int)
    case call(TemplateExpression, TemplateArguments, line: Int)
    case filter(TemplateExpression, String, TemplateArguments, line: Int)
    case test(TemplateExpression, String, TemplateArguments, line: Int)
    case not(TemplateExpression)
    case and(TemplateExpression, TemplateExpression)
    case or(TemplateExpression, TemplateExpression)
    case negate(TemplateExpression, line: Int)
    case binary(String, TemplateExpression, TemplateExpression, line: Int)
    /// `a < b <= c`: each operator with its right side.
    case compare(TemplateExpression, [(operation: String, right: TemplateExpression)], line: Int)
    case conditional(TemplateExpression, then: TemplateExpression, otherwise: TemplateExpression?)
}

/// The arguments of a call, a filter or a test.
struct TemplateArguments: Sendable {
    var positional: [TemplateExpression] = []
    var named: [(name: String, value: TemplateExpression)] = []
}

/// What an assignment or a loop gives a value to.
indirect enum TemplateTarget: Sendable {
    case name(String)
    /// A field of a namespace, the only thing that a template can change from within a loop.
    case field(String, String)
    case tuple([TemplateTarget])
}

struct TemplateMacro: Sendable {
    let name: String
    let parameters: [(name: String, value: TemplateExpression?)]
    let body: [TemplateStatement]
    let line: Int
}

indirect enum TemplateStatement: Sendable {
    case text(String)
    case output(TemplateExpression, line: Int)
    case loop(
        TemplateTarget, over: TemplateExpression, condition: TemplateExpression?, body: [TemplateStatement],
        otherwise: [TemplateStatement], line: Int)
    case branch([(condition: TemplateExpression, body: [TemplateStatement])], otherwise: [TemplateStatement], line: Int)
    case set(TemplateTarget, TemplateExpression, line: Int)
    /// `{% set x %}…{% endset %}`, with the filters that stand behind the name.
    case capture(
        TemplateTarget, filters: [(name: String, arguments: TemplateArguments)], body: [TemplateStatement], line: Int)
    case macro(TemplateMacro)
    case with([(target: TemplateTarget, value: TemplateExpression)], body: [TemplateStatement], line: Int)
    /// `{% generation %}…{% endgeneration %}`: what an assistant says.
    case generation([TemplateStatement])
    case `break`(line: Int)
    case `continue`(line: Int)
}
