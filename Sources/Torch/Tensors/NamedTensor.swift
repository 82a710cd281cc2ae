/// A tensor with the name it has in files.
package struct NamedTensor {
    package let name: String
    package let tensor: Tensor

    package init(_ name: String, _ tensor: Tensor) {
        self.name = name
        self.tensor = tensor
    }
}
