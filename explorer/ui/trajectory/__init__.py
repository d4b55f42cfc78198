"""The trajectory strip: what is predicted at each step of a picture, and in which steps a slider acts."""
