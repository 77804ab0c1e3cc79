import Testing

@testable import Tensors

@Suite struct LinearTests {
    @Test func smallProductByHand() {
        let x = Tensor([1, 2, 3, 4, 5, 6], [2, 3])
        let w = Matrix(Tensor([1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1], [4, 3]))
        let y = Tensor(2, 4)
        Math.linear(x, w, bias: Tensor([0, 0, 0, 10], [4]), into: y, pool: ThreadPool(threads: 2))
        #expect(y.array == [1, 2, 3, 16, 4, 5, 6, 25])
    }
}
