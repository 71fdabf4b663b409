package esc
