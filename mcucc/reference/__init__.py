"""The numpy meaning of every operator, and the integers that their arithmetic is made of."""
