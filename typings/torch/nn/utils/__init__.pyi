from torch.nn.utils import fusion as fusion
