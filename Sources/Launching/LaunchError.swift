/// What is wrong with something that a launch was asked for. The message names the file and line, or the option, and says
/// what to do.
package struct LaunchError: Error, Sendable, Equatable, CustomStringConvertible {
    package let message: String

    package init(_ message: String) { self.message = message }

    package var description: String { message }
}
