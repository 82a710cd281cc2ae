/// What makes an evaluation impossible; the message names the file, line or key and what to do.
package struct EvaluationError: Error, CustomStringConvertible, Sendable {
    package let description: String

    init(_ description: String) { self.description = description }
}
