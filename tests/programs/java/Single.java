class Single {
    public static void main(String[] arguments) {
        System.out.println("compiled in memory");
    }
}
